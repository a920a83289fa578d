// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

class CpuKernelsTwoThreadTest extends KernelConformanceTest {
    @Override
    KernelProvider provider() {
        return KernelProviders.lookup("cpu", 2);
    }
}
