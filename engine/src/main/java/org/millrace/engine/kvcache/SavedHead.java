package org.millrace.engine.kvcache;

/**
 * A head's page table as a header holds it.
 *
 * @param ordinals of the pages, ascending
 * @param liveMasks of the same pages
 */
record SavedHead(
        int nextOrdinal, int slots, int rung, int scoreMode, int[] ordinals, int[] liveMasks) {
    /**
     * @param length positions of the cache
     * @throws CorruptCacheException if the table cannot be one of such a cache
     */
    void check(int length) {
        boolean isSound =
                slots <= length
                        && scoreMode >= CacheView.SCORE_NONE
                        && scoreMode <= CacheView.SCORE_PEAK;
        int last = -1;
        for (int ordinal : ordinals) {
            isSound &= ordinal > last && ordinal < nextOrdinal;
            last = ordinal;
        }
        int taken = slots % KvPageDescriptor.PAGE_SLOTS;
        if (taken > 0) {
            isSound &= liveMasks[liveMasks.length - 1] >>> taken == 0;
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

    int fullPages() {
        return slots / KvPageDescriptor.PAGE_SLOTS;
    }
}
