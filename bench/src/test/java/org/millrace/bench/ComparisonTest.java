// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ComparisonTest {
    @Test
    void medianOfAnOddAndAnEvenNumber() {
        assertThat(Comparison.median(List.of(9.0, 1.0, 2.0))).isEqualTo(2.0);
        assertThat(Comparison.median(List.of(4.0, 1.0, 2.0, 9.0))).isEqualTo(3.0);
    }

    @Test
    void ratiosAreTakenWithinARound() {
        Comparison.Row row =
                Comparison.Row.of(
                        Workload.ONE_STREAM,
                        1,
                        Map.of(
                                Millrace.NAME,
                                List.of(30.0, 300.0, 100.0),
                                "llama.cpp",
                                List.of(10.0, 100.0, 100.0)));

        assertThat(row.tokensPerSecond())
                .containsOnly(entry(Millrace.NAME, 100.0), entry("llama.cpp", 100.0));
        assertThat(row.ratios()).containsOnly(entry("llama.cpp", 3.0));
    }
}
