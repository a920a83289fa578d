// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.kvcache.ProfiledTurn;

class FastGenTest {
    private static final int HEADS = 6;
    private static final int GROUP = 3;
    private static final int PROMPT = 160;

    private static final List<MeasuredAttention> ATTENTION =
            IntStream.range(0, HEADS)
                    .mapToObj(head -> new MeasuredAttention(head, GROUP, 64, PROMPT, PROMPT))
                    .toList();

    private static RetentionPolicy policy(String options) {
        return RetentionPolicies.lookup(Retention.parse("fastgen " + options));
    }

    private static List<HeadChoice> choose(RetentionPolicy policy) {
        ProfiledTurn measured = policy.profile(0, PROMPT, GROUP).orElseThrow();
        return policy.choose(
                Tokens.prompt(PROMPT), HEADS, head -> ATTENTION.get(head).profile(measured));
    }

    private static double meanMass(List<HeadChoice> choices, int rung) {
        return choices.stream().mapToDouble(choice -> choice.masses().get(rung)).sum() / HEADS;
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.1, 0.5, 0.8, 0.9, 0.95, 0.99, 1})
    void sessionTakesTheLeastBudgetThatRecoversT(double recovery) {
        List<HeadChoice> choices = choose(policy("recovery=" + recovery));
        int rung = choices.get(0).rung();
        assertThat(choices).allMatch(choice -> choice.rung() == rung);
        assertThat(meanMass(choices, rung)).isGreaterThanOrEqualTo(recovery);
        for (int cheaper = 0; cheaper < rung; cheaper++) {
            assertThat(meanMass(choices, cheaper)).isLessThan(recovery);
        }
    }

    @Test
    void eachBudgetIsSpentToTheSlot() {
        List<HeadChoice> choices = choose(policy(""));
        for (int rung = 0; rung < 14; rung++) {
            int slots = rung;
            assertThat(choices.stream().mapToInt(choice -> choice.slots().get(slots)).sum())
                    .isEqualTo((rung + 2) * PROMPT / 16 * HEADS);
        }
    }

    @Test
    void keptAreSinksTheNearestAndTheMostWorthOfAllHeads() {
        RetentionPolicy policy = policy("keep=0.5");
        ProfiledTurn measured = policy.profile(0, PROMPT, GROUP).orElseThrow();
        List<HeadChoice> choices = choose(policy);
        double leastKept = Double.MAX_VALUE;
        double mostDropped = 0;
        int total = 0;
        for (int head = 0; head < HEADS; head++) {
            BitSet kept = choices.get(head).kept();
            float[] worth = FastGen.worth(ATTENTION.get(head).profile(measured));
            total += kept.cardinality();
            for (int j = 0; j < PROMPT; j++) {
                if (j < 4 || j >= PROMPT - PROMPT / 4) {
                    assertThat(kept.get(j)).isTrue();
                } else if (kept.get(j)) {
                    leastKept = Math.min(leastKept, worth[j]);
                } else {
                    mostDropped = Math.max(mostDropped, worth[j]);
                }
            }
        }
        assertThat(total).isEqualTo(HEADS * PROMPT / 2);
        assertThat(leastKept).isGreaterThan(mostDropped);
        assertThat(choices.stream().map(choice -> choice.kept().cardinality()).distinct().count())
                .isGreaterThan(1);
    }

    @Test
    void worthIsThePeakAndTwiceTheHeadsMean() {
        ProfiledTurn turn =
                new ProfiledTurn(0, 4, ProfiledTurn.NONE, 0, 0, ProfiledTurn.NONE, 1, List.of());
        long[] area = new long[4];
        for (int j = 0; j < 4; j++) {
            area[j] = Float.floatToRawIntBits(j / 8f);
        }
        float ofHead = 2 * 0.1875f;
        assertThat(FastGen.worth(new HeadProfile(turn, area, 1)))
                .containsExactly(ofHead, 0.125f + ofHead, 0.25f + ofHead, 0.375f + ofHead);
    }

    @Test
    void fourWindowsAtMostAreMeasured() {
        for (int promptTokens : new int[] {128, 129, 1024, 8191}) {
            ProfiledTurn measured = policy("").profile(64, promptTokens, GROUP).orElseThrow();
            assertThat(measured.windows())
                    .containsExactly(promptTokens / 16, promptTokens / 8, promptTokens / 4);
            assertThat(measured.firstMassRow()).isEqualTo(64 + promptTokens - promptTokens / 4);
        }
    }

    @Test
    void shortPromptsAreKeptWholeAndUnmeasured() {
        RetentionPolicy policy = policy("");
        assertThat(policy.profile(0, 127, GROUP)).isEmpty();
        assertThat(policy.choose(Tokens.prompt(127), 2, head -> null))
                .allMatch(choice -> choice.kept().cardinality() == 127);
    }

    @Test
    void inLongGenerationsTheBudgetBindsBehindTheNearestTokens() {
        int recent = 32;
        RetentionPolicy policy = policy("keep=0.25 recent=" + recent + " review-interval=8");
        HeadChoice choice = choose(policy).get(2);
        assertThat(choice.scoreMode()).isEqualTo(ScoreMode.NONE);
        BitSet held = (BitSet) choice.kept().clone();
        int[] tokens = Tokens.random(PROMPT + 96, 3);
        for (int length = PROMPT + 1; length <= PROMPT + 96; length++) {
            held.set(length - 1);
            if (length % policy.reviewInterval() == 0) {
                int[] columns = held.stream().toArray();
                Turn turn = Tokens.turn(0, PROMPT, length, tokens);
                held.and(
                        policy.kept(
                                choice.rung(),
                                HeadSlots.of(turn, columns, new float[columns.length])));
                int further = Math.max(0, length - PROMPT - recent);
                BitSet expected = (BitSet) choice.kept().clone();
                expected.set(length - Math.min(recent, length - PROMPT) - further / 4, length);
                assertThat(held).isEqualTo(expected);
            }
        }
    }
}
