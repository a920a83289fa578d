// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

/**
 * What attention of one layer computes.
 *
 * @param numHeads query heads
 * @param scale factor of each dot product of a query and a key
 * @param window a row sees slots of its own position and of so many minus one before it; {@link
 *     Integer#MAX_VALUE} for all
 * @param softCap scores become {@code softCap * tanh(score / softCap)} (arXiv 2408.00118); 0 for as
 *     they are
 * @param sinks float[numHeads]: a score per query head that takes its share of the softmax and
 *     brings no value (arXiv 2309.17453, learned as in gpt-oss); minus infinity for none
 */
public record AttentionParams(
        int numHeads, float scale, int window, float softCap, DeviceBuffer sinks) {
    /** {@link #window} of layers that see everything. */
    public static final int NO_WINDOW = Integer.MAX_VALUE;

    /** {@link #softCap} of layers whose scores are as they are. */
    public static final float NO_CAP = 0f;

    /** The usual scale, {@code 1 / sqrt(headDim)}. */
    public static float scaleOf(int headDim) {
        return 1f / (float) Math.sqrt((float) headDim);
    }
}
