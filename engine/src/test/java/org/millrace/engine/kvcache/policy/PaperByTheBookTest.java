// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * {@code fastgen-paper} decides from integer statistics what FastGen by the book decides from n x n
 * attention matrices: rungs, kept sets, evictions.
 */
class PaperByTheBookTest {
    private static final int PROMPT = 61;
    private static final int NEW = 25;

    static Stream<Arguments> shapes() {
        return Stream.of(1, 3, 4, 7)
                .flatMap(
                        group ->
                                Stream.of(32, 64, 80, 128)
                                        .map(headDim -> Arguments.of(group, headDim)));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void sameRungsSetsAndEvictions(int group, int headDim) {
        for (double recovery : new double[] {0.3, 0.8, 0.95}) {
            for (double ratio : new double[] {0.05, 0.35}) {
                long seed = group * 1000L + headDim + (long) (100 * (recovery + 10 * ratio));
                new Run(seed, group, headDim, recovery, ratio).check();
            }
        }
    }

    /** One head: what the book says in float64, beside what the policy says. */
    private static final class Run {
        private final double recovery;
        private final double ratio;
        private final MeasuredAttention attention;
        private final int[] tokens;
        private final RetentionPolicy policy;

        Run(long seed, int group, int headDim, double recovery, double ratio) {
            this.recovery = recovery;
            this.ratio = ratio;
            attention = new MeasuredAttention(seed, group, headDim, PROMPT + NEW, PROMPT);
            tokens = Tokens.random(PROMPT + NEW, seed);
            policy =
                    RetentionPolicies.lookup(
                            Retention.parse(
                                    "fastgen-paper recovery=%s local-ratio=%s frequent-ratio=%s"
                                            .formatted(recovery, ratio, ratio)));
        }

        void check() {
            ProfiledTurn measured = policy.profile(0, PROMPT, attention.group()).orElseThrow();
            Turn turn = Tokens.turn(0, PROMPT, PROMPT, tokens);
            HeadChoice choice = policy.choose(turn, 1, head -> attention.profile(measured)).get(0);
            double[] sums = new double[PROMPT + NEW];
            for (int j = 0; j < PROMPT; j++) {
                for (int i = j; i < PROMPT; i++) {
                    sums[j] += mean(attentionTo(i, j));
                }
            }
            int rung = firstThatRecovers(sums);
            boolean[] held = kept(rung, PROMPT, sums, held(PROMPT));
            held[PROMPT - 1] = true;
            assertThat(choice.rung()).isEqualTo(rung);
            assertThat(choice.kept().stream().toArray()).isEqualTo(Tokens.positions(held, 0));
            generate(choice, rung, held, sums);
        }

        private double[] attentionTo(int i, int j) {
            return IntStream.range(0, attention.group())
                    .mapToDouble(g -> attention.weights[g][i][j])
                    .toArray();
        }

        private static double mean(double[] values) {
            return IntStream.range(0, values.length)
                    .mapToDouble(i -> values[i])
                    .average()
                    .orElse(0);
        }

        private static boolean[] held(int length) {
            boolean[] held = new boolean[PROMPT + NEW];
            Arrays.fill(held, 0, length, true);
            return held;
        }

        private int firstThatRecovers(double[] sums) {
            for (int rung = 0; rung < 4; rung++) {
                boolean[] columns = keptByColumn(Math.min(rung, 2), PROMPT, sums, held(PROMPT));
                double mass = 0;
                for (int i = 0; i < PROMPT; i++) {
                    for (int j = 0; j <= i; j++) {
                        boolean near = rung == 3 && i - j < (int) (ratio * PROMPT);
                        if (j == i || near || columns[j]) {
                            mass += mean(attentionTo(i, j));
                        }
                    }
                }
                if (mass / PROMPT >= recovery) {
                    return rung;
                }
            }
            return 4;
        }

        private boolean[] kept(int rung, int length, double[] scores, boolean[] held) {
            if (rung == 4) {
                return held.clone();
            }
            boolean[] kept = keptByColumn(Math.min(rung, 2), length, scores, held);
            for (int j = 0; j < length; j++) {
                kept[j] |= rung == 3 && length - 1 - j < (int) (ratio * PROMPT);
                kept[j] &= held[j];
            }
            return kept;
        }

        private boolean[] keptByColumn(int rung, int length, double[] scores, boolean[] held) {
            boolean[] kept = new boolean[PROMPT + NEW];
            for (int j = 0; j < length; j++) {
                boolean punctuation = rung >= 1 && Tokens.CLASSES.isPunctuation(tokens[j]);
                kept[j] = Tokens.CLASSES.isSpecial(tokens[j]) || punctuation;
            }
            if (rung == 2) {
                frequent(length, scores, held).forEach(j -> kept[j] = true);
            }
            return kept;
        }

        private List<Integer> frequent(int length, double[] scores, boolean[] held) {
            return IntStream.range(0, length)
                    .filter(j -> held[j])
                    .boxed()
                    .sorted(
                            Comparator.comparingDouble((Integer j) -> -scores[j])
                                    .thenComparing(Comparator.naturalOrder()))
                    .limit((int) (ratio * length))
                    .toList();
        }

        private void generate(HeadChoice choice, int rung, boolean[] held, double[] sums) {
            float[] scores = new float[PROMPT + NEW];
            if (choice.scores() != null) {
                System.arraycopy(choice.scores(), 0, scores, 0, PROMPT);
            }
            for (int p = PROMPT; p < PROMPT + NEW; p++) {
                held[p] = true;
                float[][] row = attention.row(p, held);
                for (int j = 0; j <= p; j++) {
                    float sum = 0;
                    double exact = 0;
                    for (float[] shares : row) {
                        sum += shares[j];
                        exact += shares[j];
                    }
                    scores[j] += sum / row.length;
                    sums[j] += exact / row.length;
                }
                boolean[] present = held;
                held = kept(rung, p + 1, sums, present);
                int[] positions = Tokens.positions(present, 0);
                float[] presentScores = new float[positions.length];
                for (int slot = 0; slot < positions.length; slot++) {
                    presentScores[slot] = scores[positions[slot]];
                }
                BitSet kept =
                        policy.kept(
                                choice.rung(),
                                HeadSlots.of(
                                        Tokens.turn(0, PROMPT, p + 1, tokens),
                                        positions,
                                        presentScores));
                assertThat(kept.stream().toArray()).isEqualTo(Tokens.positions(held, 0));
            }
        }
    }
}
