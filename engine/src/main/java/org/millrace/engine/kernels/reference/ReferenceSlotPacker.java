package org.millrace.engine.kernels.reference;

import java.nio.ByteBuffer;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kvcache.KvPageDescriptor;

/** Packs slots, element by element. */
final class ReferenceSlotPacker {
    private final KvPageDescriptor page;
    private final ByteBuffer pool;
    private final ByteBuffer out;
    private int end;

    ReferenceSlotPacker(KvPageDescriptor page, DeviceBuffer pool, DeviceBuffer out) {
        this.page = page;
        this.pool = HostBuffer.of(pool).raw();
        this.out = HostBuffer.of(out).raw();
    }

    /** Appends a slot to those before. */
    void pack(int pageNumber, int slot) {
        int from = pageNumber * page.pageBytes();
        append(from + page.positionOffset(slot), Integer.BYTES);
        if (page.hasScales()) {
            append(from + page.keyScaleOffset(slot), Float.BYTES);
            append(from + page.valueScaleOffset(slot), Float.BYTES);
        }
        for (int d = 0; d < page.headDim(); d++) {
            append(from + page.keyOffset(slot, d), page.elementBytes());
        }
        append(from + page.valueOffset(slot, 0), page.headDim() * page.elementBytes());
    }

    private void append(int from, int bytes) {
        out.put(end, pool, from, bytes);
        end += bytes;
    }
}
