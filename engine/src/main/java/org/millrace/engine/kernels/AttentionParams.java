// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

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

    /**
     * The usual scale, and nothing else.
     *
     * @param sinks of {@link #noSinks}
     */
    public static AttentionParams plain(int numHeads, int headDim, DeviceBuffer sinks) {
        return new AttentionParams(numHeads, scaleOf(headDim), NO_WINDOW, NO_CAP, sinks);
    }

    /** {@link #sinks} of layers that have none; closed by the caller. */
    public static DeviceBuffer noSinks(KernelProvider kernels, int numHeads) {
        ByteBuffer scores =
                ByteBuffer.allocateDirect(Float.BYTES * numHeads).order(ByteOrder.LITTLE_ENDIAN);
        while (scores.hasRemaining()) {
            scores.putFloat(Float.NEGATIVE_INFINITY);
        }
        DeviceBuffer sinks = kernels.allocate(scores.capacity());
        sinks.write(0, scores.flip());
        return sinks;
    }

    /** The usual scale, {@code 1 / sqrt(headDim)}. */
    public static float scaleOf(int headDim) {
        return 1f / (float) Math.sqrt((float) headDim);
    }
}
