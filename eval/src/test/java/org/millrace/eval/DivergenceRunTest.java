// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.engine.Model;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;

class DivergenceRunTest {
    @Test
    void theFullCacheNeverDiffersAndASmallOneDoes() {
        try (Model model = TinyModel.open(KvType.F32)) {
            List<Retention> policies =
                    List.of(Retention.FULL, Retention.parse("streaming local-ratio=0.05"));
            List<DivergenceResult> results =
                    new DivergenceRun(model, model, policies, done -> {})
                            .measure(List.of(TinyModel.window(model, 120)));
            assertThat(results.get(0).identical()).containsExactly(DivergenceRun.length());
            assertThat(results.get(1).median()).isLessThan(DivergenceRun.length());
        }
    }

    /** Half of the generations have not differed before the median. */
    @Test
    void countsTheTokensThatAreTheSame() {
        assertThat(DivergenceResult.identical(new int[] {1, 2, 3}, new int[] {1, 2, 4}))
                .isEqualTo(2);
        assertThat(DivergenceResult.identical(new int[] {1, 2}, new int[] {1, 2})).isEqualTo(2);
        DivergenceResult result =
                new DivergenceResult(
                        Retention.FULL, 64, new ArrayList<>(List.of(128, 3, 40, 31)), 128);
        assertThat(result.median()).isEqualTo(31);
        assertThat(result.share(32)).isEqualTo(0.5);
        assertThat(result.share(64)).isEqualTo(0.25);
        assertThat(result.share(128)).isEqualTo(0.25);
    }
}
