// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

/** Where the processor has more than AVX2, {@code cpu} is something else. */
class CpuKernelsAvx2Test extends KernelConformanceTest {
    @Override
    KernelProvider provider() {
        return KernelProviders.lookup("cpu-avx2", 2);
    }
}
