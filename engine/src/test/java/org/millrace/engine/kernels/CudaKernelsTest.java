// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.millrace.engine.kernels.cuda.CudaKernels;

/** The GPU's kernels on the emulated device: every access checked, races in shared memory found. */
@Tag("nightly")
class CudaKernelsTest extends KernelConformanceTest {
    private static CudaKernels kernels;

    @BeforeAll
    static void open() {
        kernels = EmulatedCuda.open();
    }

    @AfterAll
    static void close() {
        if (kernels != null) {
            kernels.close();
        }
    }

    @Override
    KernelProvider provider() {
        return kernels;
    }

    /**
     * Each thread of a GPU is emulated: only chunks that are no multiple of the 8 rows of a tile.
     */
    @Override
    int[] chunks() {
        return new int[] {61};
    }
}
