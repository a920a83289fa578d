// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import org.millrace.engine.kernels.cpu.CpuKernels;
import org.millrace.engine.kernels.cuda.CudaKernels;
import org.millrace.engine.kernels.reference.ReferenceKernels;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds the kernel provider for this machine. */
public final class KernelProviders {
    private static final Logger LOG = LoggerFactory.getLogger(KernelProviders.class);

    private KernelProviders() {}

    /**
     * @param provider {@code auto}: the fastest there is; {@code cuda} or {@code cuda:1}: a GPU, by
     *     the driver's number; {@code cpu}: C++, or {@code cpu-avx2}, {@code cpu-avx512} for one
     *     instruction set; {@code reference}: Java
     * @param threads of the CPU's compute pool; 0 for one per processor
     * @throws UnsupportedOperationException if the provider asked for cannot run here
     * @throws IllegalArgumentException if there is none of this name
     */
    public static KernelProvider lookup(String provider, int threads) {
        int poolThreads = threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
        return switch (provider) {
            case "reference" -> new ReferenceKernels();
            case "cpu", "cpu-avx2", "cpu-avx512" -> CpuKernels.create(provider, poolThreads);
            case "auto" -> fastest(poolThreads);
            default -> CudaKernels.create(cudaDevice(provider));
        };
    }

    /** Whether {@link #lookup} knows this name. */
    public static boolean isKnown(String provider) {
        return provider.matches("auto|cpu(-avx2|-avx512)?|reference|cuda(:[0-9]{1,3})?");
    }

    /**
     * GPUs that {@link #lookup} would use for {@code provider}, one or all of them; 0 if there are
     * none.
     *
     * @param provider {@code cuda} or {@code auto}
     */
    public static int gpus(String provider) {
        boolean asked = provider.equals("cuda") || CudaKernels.isDetected();
        return asked ? CudaKernels.devices() : 0;
    }

    private static int cudaDevice(String provider) {
        if (!isKnown(provider)) {
            throw new IllegalArgumentException(
                    "unknown kernel provider: provider="
                            + provider
                            + ", must be auto, cuda, cuda:N, cpu, cpu-avx2, cpu-avx512 or"
                            + " reference");
        }
        int colon = provider.indexOf(':');
        return colon < 0 ? 0 : Integer.parseInt(provider.substring(colon + 1));
    }

    private static KernelProvider fastest(int threads) {
        if (CudaKernels.isDetected()) {
            try {
                return CudaKernels.create(0);
            } catch (UnsupportedOperationException e) {
                LOG.warn("Using the processor instead of the GPU: {}", e.getMessage());
            }
        }
        String reason = CpuKernels.unavailableReason();
        if (reason == null) {
            return CpuKernels.create("cpu", threads);
        }
        LOG.warn(
                "Using the Java kernels, which are many times slower than the C++ ones: {}",
                reason);
        return new ReferenceKernels();
    }
}
