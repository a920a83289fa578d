package org.millrace.engine.kernels.reference;

import java.nio.ByteBuffer;
import org.millrace.engine.kernels.FloatMath;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.tensor.Float16;

/**
 * Attention of one query head at a time, by the book: scores of all visible slots in ascending
 * position; per reduction block of 256 positions largest score, weights, their sum, the weighted
 * sum of values; blocks combined in ascending order.
 */
final class ReferenceAttention {
    private static final int REDUCTION_BLOCK_SHIFT = 8;

    private final CacheView view;
    private final KvPageDescriptor page;
    private final ByteBuffer pool;
    private final int headDim;
    private final float scale;

    ReferenceAttention(CacheView view) {
        this.view = view;
        this.page = view.page();
        this.pool = HostBuffer.of(view.pool()).raw();
        this.headDim = page.headDim();
        this.scale = 1f / (float) Math.sqrt((float) headDim);
    }

    /**
     * Attention of query vector {@code q} in {@code row} over the cache of {@code kvHead};
     * float[headDim].
     */
    float[] attend(int layer, int row, int kvHead, float[] q) {
        HostBuffer rows = HostBuffer.of(view.rows());
        int sequence = rows.getInt(2 * row);
        int position = rows.getInt(2 * row + 1);
        HostBuffer heads = HostBuffer.of(view.heads());
        int head = 4 * ((layer * view.numSequences() + sequence) * view.numKvHeads() + kvHead);
        int firstEntry = heads.getInt(head);
        int pages = heads.getInt(head + 1);

        int[] pageOffsets = new int[pages * KvPageDescriptor.PAGE_SLOTS];
        int[] slots = new int[pageOffsets.length];
        int count = visibleSlots(firstEntry, pages, position, pageOffsets, slots);
        float[] scores = scores(q, pageOffsets, slots, count);
        return reduce(scores, pageOffsets, slots, count);
    }

    private int visibleSlots(int firstEntry, int pages, int position, int[] offsets, int[] slots) {
        HostBuffer entries = HostBuffer.of(view.entries());
        int count = 0;
        for (int p = 0; p < pages; p++) {
            int offset = entries.getInt(2 * (firstEntry + p)) * page.pageBytes();
            int live = entries.getInt(2 * (firstEntry + p) + 1);
            for (int slot = 0; slot < KvPageDescriptor.PAGE_SLOTS; slot++) {
                boolean isLive = (live >>> slot & 1) != 0;
                if (isLive && pool.getInt(offset + page.positionOffset(slot)) <= position) {
                    offsets[count] = offset;
                    slots[count++] = slot;
                }
            }
        }
        return count;
    }

    private float[] scores(float[] q, int[] offsets, int[] slots, int count) {
        float[] scores = new float[count];
        if (page.type() == KvType.INT8) {
            byte[] codes = new byte[headDim];
            float queryScale = BlockQuantizer.quantize(q, 0, headDim, codes) * scale;
            for (int i = 0; i < count; i++) {
                int dot = 0;
                for (int d = 0; d < headDim; d++) {
                    dot += codes[d] * pool.get(offsets[i] + page.keyOffset(slots[i], d));
                }
                float keyScale = pool.getFloat(offsets[i] + page.keyScaleOffset(slots[i]));
                scores[i] = (float) dot * queryScale * keyScale;
            }
            return scores;
        }
        for (int i = 0; i < count; i++) {
            float dot = 0f;
            for (int d = 0; d < headDim; d++) {
                dot = Math.fma(q[d], element(offsets[i] + page.keyOffset(slots[i], d)), dot);
            }
            scores[i] = dot * scale;
        }
        return scores;
    }

    private float[] reduce(float[] scores, int[] offsets, int[] slots, int count) {
        float largest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, scores[i]);
        }
        float[] out = new float[headDim];
        float total = 0f;
        for (int start = 0, end; start < count; start = end) {
            end = blockEnd(offsets, slots, start, count);
            float blockLargest = Float.NEGATIVE_INFINITY;
            for (int i = start; i < end; i++) {
                blockLargest = Math.max(blockLargest, scores[i]);
            }
            float blockTotal = 0f;
            float[] blockOut = new float[headDim];
            for (int i = start; i < end; i++) {
                float weight = FloatMath.exp(scores[i] - blockLargest);
                blockTotal += weight;
                addValue(weight, offsets[i], slots[i], blockOut);
            }
            float factor = FloatMath.exp(blockLargest - largest);
            total = Math.fma(blockTotal, factor, total);
            for (int d = 0; d < headDim; d++) {
                out[d] = Math.fma(blockOut[d], factor, out[d]);
            }
        }
        for (int d = 0; d < headDim && count > 0; d++) {
            out[d] = out[d] / total + 0f;
        }
        return out;
    }

    private int blockEnd(int[] offsets, int[] slots, int start, int count) {
        int block = block(offsets[start], slots[start]);
        int end = start + 1;
        while (end < count && block(offsets[end], slots[end]) == block) {
            end++;
        }
        return end;
    }

    private int block(int offset, int slot) {
        return pool.getInt(offset + page.positionOffset(slot)) >> REDUCTION_BLOCK_SHIFT;
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
