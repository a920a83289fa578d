// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.util.List;

/**
 * A head's page table as a header holds it.
 *
 * @param runs of pages, ascending by ordinal
 */
record SavedHead(int nextOrdinal, int slots, int rung, int scoreMode, List<Run> runs) {
    /** Pages with consecutive ordinals, from {@code ordinal} on, and the same live mask. */
    record Run(int ordinal, int pages, int liveMask) {}

    /**
     * @param length positions of the cache
     * @throws CorruptCacheException if the table cannot be one of such a cache
     */
    void check(int length) {
        boolean isSound =
                slots <= length
                        && scoreMode >= CacheView.SCORE_NONE
                        && scoreMode <= CacheView.SCORE_PEAK;
        long next = 0;
        for (Run run : runs) {
            isSound &= run.ordinal() >= next && run.pages() > 0;
            next = (long) run.ordinal() + run.pages();
        }
        isSound &= next <= nextOrdinal && pages() == HeadCache.pagesOf(slots);
        int taken = slots % KvPageDescriptor.PAGE_SLOTS;
        if (isSound && taken > 0) {
            Run last = runs.get(runs.size() - 1);
            isSound = last.liveMask() >>> taken == 0;
        }
        if (!isSound) {
            throw new CorruptCacheException(
                    "cache header with an unsound page table: slots="
                            + slots
                            + ", length="
                            + length
                            + ", nextOrdinal="
                            + nextOrdinal);
        }
    }

    long pages() {
        return runs.stream().mapToLong(Run::pages).sum();
    }
}
