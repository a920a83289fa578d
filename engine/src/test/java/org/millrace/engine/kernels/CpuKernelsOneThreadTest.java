// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

class CpuKernelsOneThreadTest extends KernelConformanceTest {
    @Override
    KernelProvider provider() {
        return KernelProviders.lookup("cpu", 1);
    }
}
