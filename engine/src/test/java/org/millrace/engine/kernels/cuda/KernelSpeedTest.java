// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.engine.kernels.EmulatedCuda;
import org.millrace.engine.kernels.KernelSpeed;

/** What {@code gpu-check} times runs; how fast says nothing here. */
class KernelSpeedTest {
    @Test
    void everythingIsTimed() {
        try (CudaKernels kernels = EmulatedCuda.open()) {
            List<KernelSpeed.Result> results = KernelSpeed.run(kernels, 256, 1);
            assertThat(results)
                    .hasSize(7)
                    .allSatisfy(result -> assertThat(result.seconds()).isPositive());
            assertThat(results.get(0).bytes()).isEqualTo(2048 * 8 * 18);
            assertThat(results.get(0).operations()).isEqualTo(2L * 2048 * 256);
            assertThat(kernels.limits().bytesPerSecond()).isEqualTo(16e6);
        }
    }
}
