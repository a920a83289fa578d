// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.util.List;

/**
 * Places of page tables in the kernels' memory. A head's table stays where it is from step to step,
 * so that only what changed has to be sent; it moves when it outgrows its place. When all places
 * are given out, the tables of the next step get new ones. One for each batch; not thread safe.
 */
public final class PageTables {
    /** Entries that a table may grow by at least. */
    private static final int MIN_ROOM = 4;

    private final int capacity;
    private int used;

    /** Places of older generations are given up. */
    private int generation = 1;

    /**
     * @param pages of the pool
     * @param maxHeads tables of a step
     */
    public PageTables(int pages, int maxHeads) {
        // Tables take at most 1.5 times their pages; the rest is for growth before all move.
        capacity = Math.toIntExact(2L * pages + (long) MIN_ROOM * maxHeads);
    }

    /** Entries of all places. */
    public int capacity() {
        return capacity;
    }

    /** Gives a place to each table of these caches that has none, or has outgrown its own. */
    public void place(List<SessionCache> caches) {
        if (!hasPlacedAll(caches)) {
            generation++;
            used = 0;
            if (!hasPlacedAll(caches)) {
                throw new IllegalStateException("no room for page tables: entries=" + capacity);
            }
        }
    }

    private boolean hasPlacedAll(List<SessionCache> caches) {
        for (SessionCache cache : caches) {
            for (HeadCache head : cache.heads()) {
                if (!head.hasPlace(generation)) {
                    int room = head.pages() + head.pages() / 2 + MIN_ROOM;
                    if (used + room > capacity) {
                        return false;
                    }
                    head.place(generation, used, room);
                    used += room;
                }
            }
        }
        return true;
    }
}
