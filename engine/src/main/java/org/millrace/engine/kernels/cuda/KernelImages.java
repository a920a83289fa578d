// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compiled kernels: machine code that {@code src/main/cuda/compile.sh} made and that is shipped as
 * resources; for other devices NVRTC compiles at start, and where there is none, the driver does
 * from shipped PTX.
 */
final class KernelImages {
    private static final Logger LOG = LoggerFactory.getLogger(KernelImages.class);

    private static final int OLDEST_CAPABILITY = 80;
    private static final Set<Integer> SHIPPED = Set.of(80, 86, 89, 90);

    private KernelImages() {}

    /**
     * The image for a device of this compute capability (80 for {@code sm_80}).
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
        if (SHIPPED.contains(capability)) {
            return read("/cuda/millrace-sm_" + capability + ".cubin.gz");
        }
        try {
            byte[] image = KernelCompiler.compile(capability);
            LOG.info("Compiled the CUDA kernels by NVRTC for sm_{}", capability);
            return image;
        } catch (UnsupportedOperationException e) {
            LOG.warn(
                    "No machine code for sm_{} is shipped and it cannot be compiled here ({}); the driver"
                            + " compiles PTX of compute_80 instead",
                    capability,
                    e.getMessage());
            return read("/cuda/millrace-compute_80.ptx.gz");
        }
    }

    /** Names of all kernels of an image. */
    static List<String> kernels() {
        try (InputStream table = open("/cuda/kernels.csv")) {
            return new String(table.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .skip(1)
                    .map(line -> line.substring(0, line.indexOf(',')))
                    .distinct()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ends in a zero byte if it is PTX. */
    private static byte[] read(String resource) {
        try (InputStream image = open(resource)) {
            return new GZIPInputStream(image).readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InputStream open(String resource) {
        InputStream stream = KernelImages.class.getResourceAsStream(resource);
        if (stream == null) {
            throw new UnsupportedOperationException(
                    "the build left out the CUDA kernels: resource=" + resource);
        }
        return stream;
    }
}
