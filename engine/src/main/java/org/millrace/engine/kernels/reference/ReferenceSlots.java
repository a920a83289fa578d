// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

import java.nio.ByteBuffer;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;

/**
 * The slots that one row sees of one KV head, in ascending position.
 *
 * @param pages page numbers
 * @param slots slots in their pages
 * @param positions original positions
 * @param count how many; the arrays may be longer
 */
record ReferenceSlots(int[] pages, int[] slots, int[] positions, int count) {
    /**
     * @param window positions that the row sees, its own included
     */
    static ReferenceSlots visible(CacheView view, int layer, int row, int kvHead, int window) {
        HostBuffer rows = HostBuffer.of(view.rows());
        HostBuffer heads = HostBuffer.of(view.heads());
        HostBuffer entries = HostBuffer.of(view.entries());
        ByteBuffer pool = HostBuffer.of(view.pool()).raw();
        int position = rows.getInt(2 * row + 1);
        int head = headIndex(view, layer, rows.getInt(2 * row), kvHead);
        int firstEntry = heads.getInt(head);
        int numPages = heads.getInt(head + 1);

        int capacity = numPages * KvPageDescriptor.PAGE_SLOTS;
        int[] pages = new int[capacity];
        int[] slots = new int[capacity];
        int[] positions = new int[capacity];
        int count = 0;
        for (int entry = firstEntry; entry < firstEntry + numPages; entry++) {
            int number = entries.getInt(2 * entry);
            int live = entries.getInt(2 * entry + 1);
            for (int slot = 0; slot < KvPageDescriptor.PAGE_SLOTS; slot++) {
                int at = number * view.page().pageBytes() + view.page().positionOffset(slot);
                int of = pool.getInt(at);
                if ((live >>> slot & 1) != 0 && of <= position && position - of < window) {
                    pages[count] = number;
                    slots[count] = slot;
                    positions[count++] = of;
                }
            }
        }
        return new ReferenceSlots(pages, slots, positions, count);
    }

    /** Where a head's four ints begin in {@link CacheView#heads}. */
    static int headIndex(CacheView view, int layer, int sequence, int kvHead) {
        return 4 * ((layer * view.numSequences() + sequence) * view.numKvHeads() + kvHead);
    }
}
