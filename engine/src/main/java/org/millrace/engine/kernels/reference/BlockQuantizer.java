// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

/**
 * Symmetric int8 quantisation of one block: scale s = largest magnitude / 127, code = rint(x * (127
 * / magnitude)), half to even. Blocks are 32 activations, or one head of K, V or Q.
 */
final class BlockQuantizer {
    private static final int MAGNITUDE_BITS = 0x7FFFFFFF;
    private static final int EXPONENT_BITS = 0x7F800000;
    private static final float SMALLEST = 0x1p-100f;

    private BlockQuantizer() {}

    /**
     * Writes the codes of {@code values[from, from + length)} to {@code codes[from, from +
     * length)}.
     *
     * @return the scale: 0 for a block below 2^-100; not finite if a value is not, and then all
     *     codes are 0
     */
    static float quantize(float[] values, int from, int length, byte[] codes) {
        int largest = 0;
        for (int i = from; i < from + length; i++) {
            largest = Math.max(largest, Float.floatToRawIntBits(values[i]) & MAGNITUDE_BITS);
        }
        float magnitude = Float.intBitsToFloat(largest);
        boolean zero = largest >= EXPONENT_BITS || magnitude < SMALLEST;
        float inverse = 127f / magnitude;
        for (int i = from; i < from + length; i++) {
            codes[i] = zero ? 0 : (byte) (int) Math.rint(values[i] * inverse);
        }
        return magnitude < SMALLEST ? 0f : magnitude / 127f;
    }

    /** Whether the exponent is not all ones. */
    static boolean isFinite(float value) {
        return (Float.floatToRawIntBits(value) & EXPONENT_BITS) != EXPONENT_BITS;
    }
}
