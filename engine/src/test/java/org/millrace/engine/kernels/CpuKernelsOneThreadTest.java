package org.millrace.engine.kernels;

class CpuKernelsOneThreadTest extends KernelConformanceTest {
    @Override
    KernelProvider provider() {
        return KernelProviders.lookup("cpu", 1);
    }
}
