// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.kvcache.ProfiledTurn;

class LadderPolicyTest {
    private static final int GROUP = 3;
    private static final int PROMPT = 96;

    private static RetentionPolicy policy(String retention) {
        return RetentionPolicies.lookup(Retention.parse(retention));
    }

    private static MeasuredAttention attention(long seed, int rows) {
        return new MeasuredAttention(seed, GROUP, 64, rows, rows);
    }

    private static HeadChoice choose(RetentionPolicy policy, Turn turn, MeasuredAttention head) {
        ProfiledTurn measured =
                policy.profile(turn.start(), turn.promptTokens(), GROUP).orElseThrow();
        return policy.choose(turn, 1, i -> head.profile(measured)).get(0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "fastgen-paper",
                "fastgen-paper pooling=min rows=last:32",
                "fastgen-paper pooling=max score=mean rows=last:1/4",
                "ladder min-prompt=0",
                "ladder min-prompt=0 recent=5 pooling=min rows=all"
            })
    void chosenRungRecoversTAndNoCheaperOneDoes(String retention) {
        for (double recovery : new double[] {0, 0.5, 0.8, 0.9, 0.95, 0.99, 1}) {
            RetentionPolicy policy = policy(retention + " recovery=" + recovery);
            for (int seed = 0; seed < 8; seed++) {
                HeadChoice choice = choose(policy, Tokens.prompt(PROMPT), attention(seed, PROMPT));
                int slots = choice.slots().get(choice.rung());
                assertThat(choice.masses().get(choice.rung())).isGreaterThanOrEqualTo(recovery);
                assertThat(choice.kept().cardinality()).isEqualTo(slots);
                for (int rung = 0; rung < choice.masses().size(); rung++) {
                    if (choice.slots().get(rung) < slots) {
                        assertThat(choice.masses().get(rung)).isLessThan(recovery);
                    }
                }
            }
        }
    }

    @Test
    void massIsTheKeptPartOfEachRow() {
        MeasuredAttention head = attention(5, PROMPT);
        RetentionPolicy policy = policy("ladder min-prompt=0 recent=7 rows=last:1/4 pooling=max");
        HeadChoice choice = choose(policy, Tokens.prompt(PROMPT), head);
        BitSet kept = choice.kept();
        double most = 0;
        for (int g = 0; g < GROUP; g++) {
            double mass = 0;
            for (int i = PROMPT - PROMPT / 4; i < PROMPT; i++) {
                for (int j = 0; j <= i; j++) {
                    mass += i - j < 7 || kept.get(j) ? head.weights[g][i][j] : 0;
                }
            }
            most = Math.max(most, mass / (PROMPT / 4));
        }
        assertThat(choice.masses().get(choice.rung())).isCloseTo(most, within(1e-6));
    }

    @Test
    void frozenSlotsCountAsKept() {
        int start = 40;
        MeasuredAttention head = attention(6, start + PROMPT);
        Turn turn = Tokens.turn(start, PROMPT, PROMPT, Tokens.random(PROMPT, 1));
        RetentionPolicy policy = policy("fastgen-paper");
        HeadChoice choice = choose(policy, turn, head);
        double mass = 0;
        for (int i = start; i < start + PROMPT; i++) {
            for (int position = 0; position <= i; position++) {
                int column = position - start;
                boolean special = column >= 0 && turn.isSpecial(column);
                if (column < 0 || special || position == i) {
                    for (int g = 0; g < GROUP; g++) {
                        mass += head.weights[g][i][position];
                    }
                }
            }
        }
        assertThat(choice.masses().get(0)).isCloseTo(mass / PROMPT / GROUP, within(1e-6));
    }

    @Test
    void headsThatRecoverTooLittleStayFull() {
        HeadChoice choice =
                choose(
                        policy("fastgen-paper recovery=1"),
                        Tokens.prompt(PROMPT),
                        attention(1, PROMPT));
        assertThat(choice.rung()).isEqualTo(4);
        assertThat(choice.kept().cardinality()).isEqualTo(PROMPT);
        assertThat(choice.scoreMode()).isEqualTo(ScoreMode.NONE);
    }

    @Test
    void budgetLargerThanThePromptKeepsAll() {
        RetentionPolicy policy = policy("ladder min-prompt=0 recent=200");
        HeadChoice choice = choose(policy, Tokens.prompt(PROMPT), attention(1, PROMPT));
        assertThat(choice.kept().cardinality()).isEqualTo(PROMPT);
    }

    @Test
    void shortPromptsAreKeptWholeUnmeasured() {
        RetentionPolicy policy = policy("ladder min-prompt=97");
        assertThat(policy.profile(0, PROMPT, GROUP)).isEmpty();
        HeadChoice choice = policy.choose(Tokens.prompt(PROMPT), 2, head -> null).get(1);
        assertThat(policy.rungs().get(choice.rung())).isEqualTo("full");
        assertThat(choice.kept().cardinality()).isEqualTo(PROMPT);
    }

    @Test
    void lowerPositionWinsTies() {
        RetentionPolicy policy = policy("frequent frequent-ratio=0.5");
        float[] scores = {1, 2, 2, 1, 2, 0, 2, 2};
        int[] positions = IntStream.range(0, 8).toArray();
        BitSet kept =
                policy.kept(
                        0,
                        HeadSlots.of(Tokens.turn(0, 4, 8, Tokens.random(8, 1)), positions, scores));
        assertThat(kept.stream()).containsExactly(1, 2, 4, 6);
    }

    @Test
    void oneRungIsTakenByAllHeads() {
        RetentionPolicy policy = policy("streaming local-ratio=0.25 sinks=3");
        assertThat(policy.profile(0, PROMPT, GROUP)).isEmpty();
        List<HeadChoice> choices = policy.choose(Tokens.prompt(PROMPT), 4, head -> null);
        BitSet expected = new BitSet();
        expected.set(0, 3);
        expected.set(PROMPT - PROMPT / 4, PROMPT);
        assertThat(choices).hasSize(4).allMatch(choice -> choice.kept().equals(expected));
    }

    @Test
    void meanScoreDividesByTheRowsThatCouldSeeASlot() {
        RetentionPolicy policy =
                policy("fastgen-paper ladder=frequent score=mean frequent-ratio=0.25");
        Turn turn = Tokens.turn(0, 4, 4, Tokens.random(4, 1));
        float[] scores = {1.2f, 1.1f, 0.9f, 0.3f};
        BitSet kept = policy.kept(0, HeadSlots.of(turn, new int[] {0, 1, 2, 3}, scores));
        assertThat(kept.stream()).containsExactly(2);
    }
}
