// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

import java.nio.ByteBuffer;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kvcache.KvPageDescriptor;

/** Copies slots from page to page, element by element. */
final class ReferenceSlotMover {
    private final KvPageDescriptor page;
    private final ByteBuffer pool;
    private final HostBuffer scores;

    ReferenceSlotMover(KvPageDescriptor page, DeviceBuffer pool, DeviceBuffer scores) {
        this.page = page;
        this.pool = HostBuffer.of(pool).raw();
        this.scores = HostBuffer.of(scores);
    }

    void move(int fromPage, int fromSlot, int toPage, int toSlot) {
        int from = fromPage * page.pageBytes();
        int to = toPage * page.pageBytes();
        copy(from + page.positionOffset(fromSlot), to + page.positionOffset(toSlot), Integer.BYTES);
        if (page.hasScales()) {
            copy(
                    from + page.keyScaleOffset(fromSlot),
                    to + page.keyScaleOffset(toSlot),
                    Float.BYTES);
            copy(
                    from + page.valueScaleOffset(fromSlot),
                    to + page.valueScaleOffset(toSlot),
                    Float.BYTES);
        }
        for (int d = 0; d < page.keyDim(); d++) {
            copy(
                    from + page.keyOffset(fromSlot, d),
                    to + page.keyOffset(toSlot, d),
                    page.elementBytes());
        }
        copy(
                from + page.valueOffset(fromSlot, 0),
                to + page.valueOffset(toSlot, 0),
                page.headDim() * page.elementBytes());
        scores.putFloat(
                toPage * KvPageDescriptor.PAGE_SLOTS + toSlot,
                scores.getFloat(fromPage * KvPageDescriptor.PAGE_SLOTS + fromSlot));
    }

    private void copy(int from, int to, int bytes) {
        pool.put(to, pool, from, bytes);
    }
}
