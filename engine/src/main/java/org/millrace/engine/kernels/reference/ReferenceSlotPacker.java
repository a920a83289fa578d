// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

import java.nio.ByteBuffer;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kvcache.KvPageDescriptor;

/** Packs slots, or unpacks them, element by element. */
final class ReferenceSlotPacker {
    /** Copies bytes between a place in the pool and the next in what is packed. */
    private interface Copy {
        void copy(int inPool, int inPacked, int bytes);
    }

    private final KvPageDescriptor page;
    private final ByteBuffer pool;
    private final ByteBuffer packed;
    private int end;

    ReferenceSlotPacker(KvPageDescriptor page, DeviceBuffer pool, DeviceBuffer packed) {
        this.page = page;
        this.pool = HostBuffer.of(pool).raw();
        this.packed = HostBuffer.of(packed).raw();
    }

    /** Appends a slot to those before. */
    void pack(int pageNumber, int slot) {
        each(pageNumber, slot, (from, to, bytes) -> packed.put(to, pool, from, bytes));
    }

    /** Takes the slot behind those before. */
    void unpack(int pageNumber, int slot) {
        each(pageNumber, slot, (to, from, bytes) -> pool.put(to, packed, from, bytes));
    }

    private void each(int pageNumber, int slot, Copy copy) {
        int start = pageNumber * page.pageBytes();
        next(start + page.positionOffset(slot), Integer.BYTES, copy);
        if (page.hasScales()) {
            next(start + page.keyScaleOffset(slot), Float.BYTES, copy);
            next(start + page.valueScaleOffset(slot), Float.BYTES, copy);
        }
        for (int d = 0; d < page.headDim(); d++) {
            next(start + page.keyOffset(slot, d), page.elementBytes(), copy);
        }
        next(start + page.valueOffset(slot, 0), page.headDim() * page.elementBytes(), copy);
    }

    private void next(int inPool, int bytes, Copy copy) {
        copy.copy(inPool, end, bytes);
        end += bytes;
    }
}
