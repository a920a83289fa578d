package org.millrace.engine.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.zip.GZIPInputStream;

/**
 * Compiled kernels, shipped as resources that {@code src/main/cuda/compile.sh} makes: machine code
 * for the generations 8 and 9, and PTX that the driver compiles for newer ones.
 */
final class KernelImages {
    private static final int OLDEST_CAPABILITY = 80;

    private KernelImages() {}

    /**
     * The image for a device of this compute capability (80 for {@code sm_80}), ending in a zero
     * byte.
     *
     * @throws UnsupportedOperationException if there is none
     */
    static byte[] of(int capability) {
        if (capability < OLDEST_CAPABILITY) {
            throw new UnsupportedOperationException(
                    "no kernels for so old a CUDA device: computeCapability=sm_"
                            + capability
                            + ", oldest=sm_"
                            + OLDEST_CAPABILITY);
        }
        return switch (capability / 10) {
            case 8 -> read("/cuda/millrace-sm_80.cubin.gz");
            case 9 -> read("/cuda/millrace-sm_90.cubin.gz");
            default -> read("/cuda/millrace-compute_80.ptx.gz");
        };
    }

    private static byte[] read(String resource) {
        try (InputStream image = KernelImages.class.getResourceAsStream(resource)) {
            if (image == null) {
                throw new UnsupportedOperationException(
                        "the build left out the CUDA kernels: resource=" + resource);
            }
            return new GZIPInputStream(image).readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
