package org.millrace.engine.kernels;

import org.millrace.engine.kernels.cpu.CpuKernels;
import org.millrace.engine.kernels.reference.ReferenceKernels;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds the kernel provider for this machine. */
public final class KernelProviders {
    private static final Logger LOG = LoggerFactory.getLogger(KernelProviders.class);

    private KernelProviders() {}

    /**
     * @param provider {@code auto}: the fastest there is; {@code cpu}: C++, or fail; {@code
     *     reference}: Java
     * @param threads of the compute pool; 0 for one per processor
     * @throws UnsupportedOperationException if the provider asked for cannot run here
     * @throws IllegalArgumentException if there is none of this name
     */
    public static KernelProvider lookup(String provider, int threads) {
        int poolThreads = threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
        return switch (provider) {
            case "reference" -> new ReferenceKernels();
            case "cpu" -> CpuKernels.create(poolThreads);
            case "auto" -> fastest(poolThreads);
            default ->
                    throw new IllegalArgumentException(
                            "unknown kernel provider: provider="
                                    + provider
                                    + ", must be auto, cpu or reference");
        };
    }

    private static KernelProvider fastest(int threads) {
        String reason = CpuKernels.unavailableReason();
        if (reason == null) {
            return CpuKernels.create(threads);
        }
        LOG.warn(
                "Using the Java kernels, which are many times slower than the C++ ones: {}",
                reason);
        return new ReferenceKernels();
    }
}
