// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

import java.nio.ByteBuffer;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.tensor.Float16;

/** Writes keys and values into their slots. */
final class ReferenceKvStore {
    private final CacheView view;
    private final KvPageDescriptor page;
    private final ByteBuffer pool;
    private final int headDim;

    ReferenceKvStore(CacheView view) {
        this.view = view;
        this.page = view.page();
        this.pool = HostBuffer.of(view.pool()).raw();
        this.headDim = page.headDim();
    }

    /** Stores one head of one row; returns whether everything stored is finite. */
    boolean store(int layer, int row, int kvHead, float[] key, float[] value) {
        HostBuffer rows = HostBuffer.of(view.rows());
        int sequence = rows.getInt(2 * row);
        int position = rows.getInt(2 * row + 1);
        int firstRow = HostBuffer.of(view.sequences()).getInt(2 * sequence);
        HostBuffer heads = HostBuffer.of(view.heads());
        int head = ReferenceSlots.headIndex(view, layer, sequence, kvHead);
        int slotInHead = heads.getInt(head + 2) + row - firstRow;
        int entry = heads.getInt(head) + slotInHead / KvPageDescriptor.PAGE_SLOTS;
        int slot = slotInHead % KvPageDescriptor.PAGE_SLOTS;
        int number = HostBuffer.of(view.entries()).getInt(2 * entry);
        int offset = number * page.pageBytes();

        HostBuffer.of(view.scores()).putFloat(number * KvPageDescriptor.PAGE_SLOTS + slot, 0f);
        pool.putInt(offset + page.positionOffset(slot), position);
        return page.type() == KvType.INT8
                ? storeCodes(offset, slot, key, value)
                : storeFloats(offset, slot, key, value);
    }

    private boolean storeCodes(int offset, int slot, float[] key, float[] value) {
        byte[] codes = new byte[headDim];
        float keyScale = BlockQuantizer.quantize(key, 0, headDim, codes);
        pool.putFloat(offset + page.keyScaleOffset(slot), keyScale);
        for (int d = 0; d < headDim; d++) {
            pool.put(offset + page.keyOffset(slot, d), codes[d]);
        }
        float valueScale = BlockQuantizer.quantize(value, 0, headDim, codes);
        pool.putFloat(offset + page.valueScaleOffset(slot), valueScale);
        for (int d = 0; d < headDim; d++) {
            pool.put(offset + page.valueOffset(slot, d), codes[d]);
        }
        return BlockQuantizer.isFinite(keyScale) && BlockQuantizer.isFinite(valueScale);
    }

    private boolean storeFloats(int offset, int slot, float[] key, float[] value) {
        boolean finite = true;
        for (int d = 0; d < headDim; d++) {
            finite &= putElement(offset + page.keyOffset(slot, d), key[d]);
            finite &= putElement(offset + page.valueOffset(slot, d), value[d]);
        }
        return finite;
    }

    private boolean putElement(int offset, float x) {
        if (page.type() == KvType.F32) {
            pool.putFloat(offset, x);
            return BlockQuantizer.isFinite(x);
        }
        short half = Float16.fromFloat(x);
        pool.putShort(offset, half);
        return BlockQuantizer.isFinite(Float16.toFloat(half));
    }
}
