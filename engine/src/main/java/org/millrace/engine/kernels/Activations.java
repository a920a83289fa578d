// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

/**
 * Inputs of matrix products: a float matrix and, once {@link KernelProvider#quantize} ran, its int8
 * form in blocks of 32.
 *
 * @param width columns, K
 * @param values float[rows][width]
 * @param codes int8[rows][width]; null if the width is not a multiple of {@link #BLOCK}
 * @param scales float[rows][width / 32], s in {@code docs/numerics.md}
 * @param sums int32[rows][width / 32], sum of a block's codes
 */
public record Activations(
        int width, DeviceBuffer values, DeviceBuffer codes, DeviceBuffer scales, DeviceBuffer sums)
        implements AutoCloseable {
    /** Values per quantisation block. */
    public static final int BLOCK = 32;

    /** Room for {@code rows} rows, with codes where a width of whole blocks allows them. */
    public static Activations allocate(KernelProvider kernels, int rows, int width) {
        Resources made = new Resources();
        try {
            DeviceBuffer values = made.add(kernels.allocate(4L * rows * width));
            if (width % BLOCK != 0) {
                return new Activations(width, values, null, null, null);
            }
            long blocks = (long) rows * (width / BLOCK);
            return new Activations(
                    width,
                    values,
                    made.add(kernels.allocate((long) rows * width)),
                    made.add(kernels.allocate(4 * blocks)),
                    made.add(kernels.allocate(4 * blocks)));
        } catch (OutOfMemoryError e) {
            made.close();
            throw e;
        }
    }

    /** The same memory of codes for other values; only one of the two is closed. */
    public Activations withValues(DeviceBuffer others) {
        return new Activations(width, others, codes, scales, sums);
    }

    @Override
    public void close() {
        values.close();
        if (codes != null) {
            codes.close();
            scales.close();
            sums.close();
        }
    }
}
