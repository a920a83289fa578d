// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.kvcache.ProfiledTurn;

/** Policies with one budget: kvzip, snapkv, random. */
class BudgetPoliciesTest {
    private static final int HEADS = 4;
    private static final int PROMPT = 100;

    private static RetentionPolicy policy(String retention) {
        return RetentionPolicies.lookup(Retention.parse(retention));
    }

    /** Rows beyond the prompt are those of the replay. */
    private static List<HeadChoice> choose(RetentionPolicy policy, Turn turn) {
        return policy.choose(
                turn,
                HEADS,
                head -> {
                    ProfiledTurn measured = policy.profile(0, PROMPT, 3).orElseThrow();
                    return new MeasuredAttention(head, 3, 64, 2 * PROMPT, 2 * PROMPT)
                            .profile(measured);
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {"kvzip keep=0.5", "snapkv keep=0.5 recent=16", "random keep=0.5"})
    void budgetIsSpentToTheSlot(String retention) {
        List<HeadChoice> choices = choose(policy(retention), Tokens.prompt(PROMPT));
        assertThat(choices.stream().mapToInt(choice -> choice.kept().cardinality()).sum())
                .isEqualTo(HEADS * PROMPT / 2);
        assertThat(choices).allMatch(choice -> choice.scoreMode() == ScoreMode.NONE);
    }

    @Test
    void kvzipRanksByTheReplayOnly() {
        RetentionPolicy policy = policy("kvzip keep=0.25");
        assertThat(policy.replaysPrompt()).isTrue();
        MeasuredAttention attention = new MeasuredAttention(0, 3, 64, 2 * PROMPT, 2 * PROMPT);
        BitSet kept =
                policy.choose(
                                Tokens.prompt(PROMPT),
                                1,
                                head ->
                                        attention.profile(
                                                policy.profile(0, PROMPT, 3).orElseThrow()))
                        .get(0)
                        .kept();
        double[] worth = new double[PROMPT];
        for (int j = 0; j < PROMPT; j++) {
            for (float[][] head : attention.weights) {
                for (int i = PROMPT; i < 2 * PROMPT; i++) {
                    worth[j] = Math.max(worth[j], head[i][j]);
                }
            }
        }
        int recent = 12;
        double[] others = Arrays.copyOfRange(worth, 4, PROMPT - recent);
        Arrays.sort(others);
        double threshold = others[others.length - (25 - 4 - recent)];
        assertThat(kept.stream())
                .containsExactlyElementsOf(
                        IntStream.range(0, PROMPT)
                                .filter(j -> j < 4 || j >= PROMPT - recent || worth[j] >= threshold)
                                .boxed()
                                .toList());
    }

    @Test
    void randomIsAFunctionOfTheSeed() {
        Turn turn = Tokens.prompt(PROMPT);
        List<BitSet> first = kept("random seed=1", turn);
        assertThat(kept("random seed=1", turn)).isEqualTo(first);
        assertThat(kept("random seed=2", turn)).isNotEqualTo(first);
        assertThat(first.get(0)).isNotEqualTo(first.get(1));
    }

    private static List<BitSet> kept(String retention, Turn turn) {
        return policy(retention).choose(turn, HEADS, head -> null).stream()
                .map(HeadChoice::kept)
                .toList();
    }

    @Test
    void tiesGoToTheLowerHeadThenTheLowerColumn() {
        float[][] scores = {{1, 5, 5, 1}, {5, 1, 5, 1}};
        SessionRanking ranking = new SessionRanking(scores);
        BitSet always = BitSet.valueOf(new long[] {8});
        assertThat(ranking.kept(5, always))
                .containsExactly(
                        BitSet.valueOf(new long[] {0b1110}), BitSet.valueOf(new long[] {0b1001}));
        assertThat(ranking.kept(0, always))
                .containsExactly(
                        BitSet.valueOf(new long[] {0b1000}), BitSet.valueOf(new long[] {0b1000}));
    }
}
