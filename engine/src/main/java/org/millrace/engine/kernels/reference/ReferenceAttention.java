// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

import java.nio.ByteBuffer;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.FloatMath;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.tensor.Float16;

/**
 * Attention of one query vector at a time, by the book: scores of all visible slots in ascending
 * position; per reduction block of 256 positions largest score, weights, their sum, the weighted
 * sum of values; blocks combined in ascending order.
 */
final class ReferenceAttention {
    private static final int REDUCTION_BLOCK_SHIFT = 8;

    private final KvPageDescriptor page;
    private final ByteBuffer pool;
    private final int headDim;
    private final AttentionParams attention;
    private final float scale;

    ReferenceAttention(CacheView view, AttentionParams attention) {
        this.page = view.page();
        this.pool = HostBuffer.of(view.pool()).raw();
        this.headDim = page.headDim();
        this.attention = attention;
        this.scale = attention.scale();
    }

    /**
     * Attention of query vector {@code q} over {@code visible}; float[headDim].
     *
     * @param head query head
     * @param shares receives the attention that each slot got, the softmax of the scores
     */
    float[] attend(ReferenceSlots visible, int head, float[] q, float[] shares) {
        float[] scores = scores(q, visible);
        cap(scores);
        float sink = HostBuffer.of(attention.sinks()).getFloat(head);
        float largest = sink;
        for (float score : scores) {
            largest = Math.max(largest, score);
        }
        float[] out = new float[headDim];
        float total = sink == Float.NEGATIVE_INFINITY ? 0f : FloatMath.exp(sink - largest);
        for (int start = 0, end; start < scores.length; start = end) {
            end = blockEnd(visible, start);
            float blockLargest = Float.NEGATIVE_INFINITY;
            for (int i = start; i < end; i++) {
                blockLargest = Math.max(blockLargest, scores[i]);
            }
            float factor = FloatMath.exp(blockLargest - largest);
            float blockTotal = 0f;
            float[] blockOut = new float[headDim];
            for (int i = start; i < end; i++) {
                float weight = FloatMath.exp(scores[i] - blockLargest);
                blockTotal += weight;
                addValue(weight, offset(visible, i), visible.slots()[i], blockOut);
                shares[i] = weight * factor;
            }
            total = Math.fma(blockTotal, factor, total);
            for (int d = 0; d < headDim; d++) {
                out[d] = Math.fma(blockOut[d], factor, out[d]);
            }
        }
        for (int i = 0; i < scores.length; i++) {
            shares[i] /= total;
        }
        for (int d = 0; d < headDim && scores.length > 0; d++) {
            out[d] = out[d] / total + 0f;
        }
        return out;
    }

    private void cap(float[] scores) {
        for (int i = 0; i < scores.length && attention.softCap() != AttentionParams.NO_CAP; i++) {
            scores[i] = FloatMath.softCap(scores[i], attention.softCap());
        }
    }

    private int offset(ReferenceSlots visible, int i) {
        return visible.pages()[i] * page.pageBytes();
    }

    private float[] scores(float[] q, ReferenceSlots visible) {
        float[] scores = new float[visible.count()];
        if (page.type() == KvType.INT8) {
            byte[] codes = new byte[headDim];
            float queryScale = BlockQuantizer.quantize(q, 0, headDim, codes) * scale;
            for (int i = 0; i < scores.length; i++) {
                int offset = offset(visible, i);
                int slot = visible.slots()[i];
                int dot = 0;
                for (int d = 0; d < headDim; d++) {
                    dot += codes[d] * pool.get(offset + page.keyOffset(slot, d));
                }
                float keyScale = pool.getFloat(offset + page.keyScaleOffset(slot));
                scores[i] = (float) dot * queryScale * keyScale;
            }
            return scores;
        }
        for (int i = 0; i < scores.length; i++) {
            int offset = offset(visible, i);
            int slot = visible.slots()[i];
            float dot = 0f;
            for (int d = 0; d < headDim; d++) {
                dot = Math.fma(q[d], element(offset + page.keyOffset(slot, d)), dot);
            }
            scores[i] = dot * scale;
        }
        return scores;
    }

    private static int blockEnd(ReferenceSlots visible, int start) {
        int block = visible.positions()[start] >> REDUCTION_BLOCK_SHIFT;
        int end = start + 1;
        while (end < visible.count()
                && visible.positions()[end] >> REDUCTION_BLOCK_SHIFT == block) {
            end++;
        }
        return end;
    }

    private void addValue(float weight, int offset, int slot, float[] out) {
        if (page.type() == KvType.INT8) {
            float scaled = weight * pool.getFloat(offset + page.valueScaleOffset(slot));
            for (int d = 0; d < headDim; d++) {
                out[d] =
                        Math.fma(
                                scaled,
                                (float) pool.get(offset + page.valueOffset(slot, d)),
                                out[d]);
            }
            return;
        }
        for (int d = 0; d < headDim; d++) {
            out[d] = Math.fma(weight, element(offset + page.valueOffset(slot, d)), out[d]);
        }
    }

    private float element(int offset) {
        return page.type() == KvType.F16
                ? Float16.toFloat(pool.getShort(offset))
                : pool.getFloat(offset);
    }
}
