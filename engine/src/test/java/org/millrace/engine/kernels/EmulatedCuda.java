package org.millrace.engine.kernels;

import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.file.Path;
import org.millrace.engine.kernels.cuda.CudaKernels;

/** The CUDA provider over the stand-in driver of {@code src/test/cuda-host}. */
public final class EmulatedCuda {
    private static final Path DRIVER = Path.of("target", "cuda-host", "libcuda.so.1");

    private EmulatedCuda() {}

    /** Puts the stand-in driver in the place of a real one; before the first use of CUDA. */
    public static void install() {
        assumeThat(DRIVER).as("emulated CUDA device, built by g++ on Linux x86_64").exists();
        System.setProperty("millrace.cuda.driver", DRIVER.toString());
    }

    /** Closed by the caller. */
    public static CudaKernels open() {
        install();
        return CudaKernels.create(0);
    }
}
