// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class EndToEndComparisonTest {
    @Test
    void mediansOfEachAndTheRatioWithinARound() {
        EndToEndComparison.Row row =
                EndToEndComparison.Row.of(2, List.of(round(10, 5), round(20, 16), round(40, 40)));

        assertThat(row.job().seconds()).isEqualTo(20);
        assertThat(row.job().tokensPerSecond()).isEqualTo(5);
        assertThat(row.bare().seconds()).isEqualTo(16);
        assertThat(row.ratio()).isEqualTo(0.8);
    }

    @Test
    void refusesARoundWithTooFewCheckpoints() {
        Throughput bare = new Throughput(64, 100, 9, 9, 0);

        assertThatThrownBy(
                        () ->
                                new EndToEndComparison.Round(
                                        new Throughput(64, 100, 9, 9.1, 3), bare))
                .hasMessageContaining("checkpoints=3 in seconds=9.1");
        assertThat(new EndToEndComparison.Round(new Throughput(64, 100, 9, 9, 3), bare).ratio())
                .isEqualTo(1);
    }

    @Test
    void refusesARoundOfDifferentWork() {
        assertThatThrownBy(
                        () ->
                                new EndToEndComparison.Round(
                                        new Throughput(64, 99, 9, 9, 9),
                                        new Throughput(64, 100, 9, 9, 0)))
                .hasMessageContaining("not the same work");
    }

    private static EndToEndComparison.Round round(double jobSeconds, double bareSeconds) {
        return new EndToEndComparison.Round(
                new Throughput(64, 100, jobSeconds, jobSeconds, 100),
                new Throughput(64, 100, bareSeconds, bareSeconds, 0));
    }
}
