package org.millrace.engine.kernels;

import org.millrace.engine.kernels.reference.ReferenceKernels;

public final class KernelProviders {
    private KernelProviders() {}

    public static KernelProvider lookup(String provider, int threads) {
        return new ReferenceKernels();
    }
}
