// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.util.Arrays;

/**
 * Slots on their way to other pages, and the pages that are free once they arrived. Nothing moves
 * before {@link #carryOut}.
 */
final class SlotMoves {
    private static final int MOVE_INTS = 4;

    private final PagePool pool;
    private int[] moves = new int[MOVE_INTS * 256];
    private int[] pages = new int[64];
    private int count;
    private int pageCount;

    SlotMoves(PagePool pool) {
        this.pool = pool;
    }

    void add(int fromPage, int fromSlot, int toPage, int toSlot) {
        if (MOVE_INTS * count == moves.length) {
            moves = Arrays.copyOf(moves, 2 * moves.length);
        }
        int at = MOVE_INTS * count++;
        moves[at] = fromPage;
        moves[at + 1] = fromSlot;
        moves[at + 2] = toPage;
        moves[at + 3] = toSlot;
    }

    /** Pages that wait for {@link #carryOut} to be free. */
    int pages() {
        return pageCount;
    }

    void freeAfter(int page) {
        if (pageCount == pages.length) {
            pages = Arrays.copyOf(pages, 2 * pages.length);
        }
        pages[pageCount++] = page;
    }

    /** Moves the slots, then frees the pages that they left. */
    void carryOut() {
        if (count > 0) {
            pool.moveSlots(moves, count);
        }
        for (int i = 0; i < pageCount; i++) {
            pool.free(pages[i]);
        }
        count = 0;
        pageCount = 0;
    }
}
