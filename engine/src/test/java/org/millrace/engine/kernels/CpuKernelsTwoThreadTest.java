package org.millrace.engine.kernels;

class CpuKernelsTwoThreadTest extends KernelConformanceTest {
    @Override
    KernelProvider provider() {
        return KernelProviders.lookup("cpu", 2);
    }
}
