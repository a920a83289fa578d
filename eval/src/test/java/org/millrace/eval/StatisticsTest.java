// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StatisticsTest {
    @Test
    void quantilesAreValuesOfTheSample() {
        double[] values = {5, 1, 4, 2, 3};
        assertThat(Statistics.quantile(values, 0.2)).isEqualTo(1);
        assertThat(Statistics.quantile(values, 0.5)).isEqualTo(3);
        assertThat(Statistics.quantile(values, 0.81)).isEqualTo(5);
        assertThat(Statistics.quantile(values, 1)).isEqualTo(5);
        assertThat(values).containsExactly(5, 1, 4, 2, 3);
    }

    @Test
    void aConstantRatioHasNoUncertainty() {
        double[] base = new Random(1).doubles(500, 1, 3).toArray();
        double[] tenth = Arrays.stream(base).map(value -> value / 10).toArray();
        Statistics.Interval interval = Statistics.ratioInterval(tenth, base, 32);
        assertThat(interval.low()).isCloseTo(0.1, offset(1e-12));
        assertThat(interval.high()).isCloseTo(0.1, offset(1e-12));
    }

    /** Of independent values the standard error is known: the interval must be 1.96 of it wide. */
    @Test
    void theIntervalIsThatOfTheStandardError() {
        int count = 20_000;
        Random random = new Random(2);
        double[] differences = new double[count];
        double[] ones = new double[count];
        for (int i = 0; i < count; i++) {
            differences[i] = 0.5 + random.nextGaussian();
            ones[i] = 1;
        }
        Statistics.Interval interval = Statistics.ratioInterval(differences, ones, 10);
        double error = 1 / Math.sqrt(count);
        assertThat((interval.high() - interval.low()) / 2).isBetween(1.7 * error, 2.2 * error);
        assertThat(Statistics.mean(differences)).isBetween(interval.low(), interval.high());
    }

    /** Values that repeat in runs tell less than they seem to. */
    @Test
    void runsWidenTheInterval() {
        int count = 6400;
        Random random = new Random(3);
        double[] differences = new double[count];
        double[] ones = new double[count];
        for (int i = 0; i < count; i++) {
            differences[i] = i % 32 == 0 ? random.nextGaussian() : differences[i - 1];
            ones[i] = 1;
        }
        assertThat(width(differences, ones, 32)).isGreaterThan(4 * width(differences, ones, 1));
    }

    private static double width(double[] differences, double[] base, int run) {
        Statistics.Interval interval = Statistics.ratioInterval(differences, base, run);
        return interval.high() - interval.low();
    }
}
