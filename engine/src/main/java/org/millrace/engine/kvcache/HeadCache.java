package org.millrace.engine.kvcache;

import java.nio.IntBuffer;
import java.util.Arrays;

/**
 * Page table of one KV head of one layer. Pages are append-only in position order; evicting a
 * position clears its live bit.
 */
final class HeadCache {
    private static final int ENTRY_INTS = 2;

    /** int[pages][2]: page number, live mask; as kernels read it. */
    private int[] entries = new int[ENTRY_INTS * 4];

    private int slots;

    /** Full pages that were handed out for storage. */
    private int storedPages;

    /** Slots taken so far, live or not; the next position takes this one. */
    int slots() {
        return slots;
    }

    int pages() {
        return (slots + KvPageDescriptor.PAGE_SLOTS - 1) / KvPageDescriptor.PAGE_SLOTS;
    }

    int fullPages() {
        return slots / KvPageDescriptor.PAGE_SLOTS;
    }

    int page(int ordinal) {
        return entries[ENTRY_INTS * ordinal];
    }

    int liveMask(int ordinal) {
        return entries[ENTRY_INTS * ordinal + 1];
    }

    int storedPages() {
        return storedPages;
    }

    void markStored(int pages) {
        storedPages = pages;
    }

    /**
     * Takes {@code count} slots, with new pages from {@code pool} where needed; all become live.
     */
    void append(int count, PagePool pool) {
        for (int i = 0; i < count; i++) {
            int ordinal = slots / KvPageDescriptor.PAGE_SLOTS;
            int slot = slots % KvPageDescriptor.PAGE_SLOTS;
            if (slot == 0) {
                addPage(ordinal, pool.allocate());
            }
            entries[ENTRY_INTS * ordinal + 1] |= 1 << slot;
            slots++;
        }
    }

    /**
     * Restores a page table of {@code count} slots with the given live masks; pages are new ones,
     * to be filled.
     */
    void restore(int count, int[] liveMasks, PagePool pool) {
        slots = count;
        for (int ordinal = 0; ordinal < liveMasks.length; ordinal++) {
            addPage(ordinal, pool.allocate());
            entries[ENTRY_INTS * ordinal + 1] = liveMasks[ordinal];
        }
        storedPages = fullPages();
    }

    private void addPage(int ordinal, int page) {
        if (ENTRY_INTS * ordinal == entries.length) {
            entries = Arrays.copyOf(entries, 2 * entries.length);
        }
        entries[ENTRY_INTS * ordinal] = page;
        entries[ENTRY_INTS * ordinal + 1] = 0;
    }

    /** Appends the page table, int[pages][2], to {@code target}. */
    void writeEntries(IntBuffer target) {
        target.put(entries, 0, ENTRY_INTS * pages());
    }

    void free(PagePool pool) {
        for (int ordinal = pages() - 1; ordinal >= 0; ordinal--) {
            pool.free(page(ordinal));
        }
        slots = 0;
        storedPages = 0;
    }
}
