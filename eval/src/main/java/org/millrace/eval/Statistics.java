// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.Arrays;
import java.util.SplittableRandom;

/** Figures out of many. */
public final class Statistics {
    private static final int RESAMPLES = 2000;
    private static final long SEED = 1;

    private Statistics() {}

    /** A range that holds the true value in 95 of 100 cases. */
    public record Interval(double low, double high) {}

    static double mean(double[] values) {
        return Arrays.stream(values).sum() / values.length;
    }

    /**
     * The least value that at least this share of all values does not exceed.
     *
     * @param share in (0, 1]
     */
    static double quantile(double[] values, double share) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[Math.max(0, (int) Math.ceil(share * sorted.length) - 1)];
    }

    /**
     * Percentile bootstrap of sum(differences) / sum(base), pairs drawn together. Neighbouring
     * tokens are alike, so whole runs of them are drawn, not single ones.
     *
     * @param run tokens that are drawn together; the last of them are fewer if it does not divide
     *     their number
     */
    static Interval ratioInterval(double[] differences, double[] base, int run) {
        int runs = (base.length + run - 1) / run;
        double[] numerators = new double[runs];
        double[] denominators = new double[runs];
        for (int i = 0; i < base.length; i++) {
            numerators[i / run] += differences[i];
            denominators[i / run] += base[i];
        }
        SplittableRandom random = new SplittableRandom(SEED);
        double[] ratios = new double[RESAMPLES];
        for (int i = 0; i < RESAMPLES; i++) {
            double numerator = 0;
            double denominator = 0;
            for (int draw = 0; draw < runs; draw++) {
                int drawn = random.nextInt(runs);
                numerator += numerators[drawn];
                denominator += denominators[drawn];
            }
            ratios[i] = numerator / denominator;
        }
        return new Interval(quantile(ratios, 0.025), quantile(ratios, 0.975));
    }
}
