package org.millrace.engine.kvcache;

/**
 * A head's page table as a header holds it.
 *
 * @param ordinals of the pages, ascending
 * @param liveMasks of the same pages
 */
record SavedHead(
        int nextOrdinal, int slots, int rung, int scoreMode, int[] ordinals, int[] liveMasks) {
    int fullPages() {
        return slots / KvPageDescriptor.PAGE_SLOTS;
    }
}
