// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Resources;

/**
 * Owner of all pages of a generator: one buffer of pages, one of their slots' scores, a stack of
 * free pages, and the count of pages promised to sessions. Beside the pages that can be promised it
 * holds spare ones, as many as one head may need while it is rewritten. Owns the statistics of
 * profiled turns, too. Not thread safe.
 */
public final class PagePool implements AutoCloseable {
    private static final int MOVE_INTS = 4;

    /** Slots that are moved, packed or unpacked at once; pages whose scores are read. */
    private static final int SLOTS = 4096;

    private final CacheLayout layout;
    private final Resources owned = new Resources();
    private final DeviceBuffer storage;
    private final DeviceBuffer scores;
    private final DeviceBuffer slotList;
    private final ByteBuffer slotListStaging;
    private final DeviceBuffer packed;
    private final KernelProvider kernels;
    private final TurnStatistics statistics;
    private final IntList tables = new IntList();
    private final int capacity;
    private final int pages;
    private final int[] free;
    private int freePages;
    private long committedPages;

    /** Allocates {@code capacity} pages, and spare ones, in the memory of {@code kernels}. */
    public PagePool(KernelProvider kernels, CacheLayout layout, int capacity) {
        this.kernels = kernels;
        this.layout = layout;
        this.capacity = capacity;
        this.pages = Math.toIntExact(layout.poolPages(capacity));
        try {
            storage =
                    owned.add(
                            kernels.allocateUninitialized(
                                    (long) pages * layout.page().pageBytes()));
            scores = owned.add(kernels.allocate((long) pages * CacheLayout.SCORE_BYTES));
            slotList = owned.add(kernels.allocate(Integer.BYTES * MOVE_INTS * SLOTS));
            packed = owned.add(kernels.allocate((long) layout.page().slotBytes() * SLOTS));
            slotListStaging =
                    ByteBuffer.allocateDirect(Integer.BYTES * MOVE_INTS * SLOTS)
                            .order(ByteOrder.LITTLE_ENDIAN);
        } catch (OutOfMemoryError e) {
            owned.close();
            throw e;
        }
        this.statistics = owned.add(new TurnStatistics(kernels));
        this.free = new int[pages];
        this.freePages = pages;
        for (int i = 0; i < pages; i++) {
            free[i] = pages - 1 - i;
        }
    }

    public CacheLayout layout() {
        return layout;
    }

    public DeviceBuffer storage() {
        return storage;
    }

    /** float[capacity][page slots], see {@link CacheView}. */
    public DeviceBuffer scores() {
        return scores;
    }

    /** Statistics of the turns that are being profiled. */
    public TurnStatistics statistics() {
        return statistics;
    }

    /** For page tables that are being encoded: empty, and anybody's after that. */
    IntList tables() {
        tables.clear();
        return tables;
    }

    /** Pages that can be promised. */
    public int capacity() {
        return capacity;
    }

    public int usedPages() {
        return pages - freePages;
    }

    /** All pages, those included that cannot be promised. */
    public int pages() {
        return pages;
    }

    /** Pages beside those that can be promised. */
    int sparePages() {
        return pages - capacity;
    }

    /** Pages that are neither in use nor promised. */
    public long uncommittedPages() {
        return capacity - committedPages;
    }

    void commit(long pages) {
        if (pages > uncommittedPages()) {
            throw new IllegalStateException(
                    "page pool exhausted: poolPages="
                            + capacity
                            + ", uncommitted="
                            + uncommittedPages()
                            + ", needed="
                            + pages);
        }
        committedPages += pages;
    }

    void release(long pages) {
        committedPages -= pages;
    }

    int allocate() {
        if (freePages == 0) {
            throw new IllegalStateException(
                    "page pool exhausted: poolPages=" + capacity + ", free=0, needed=1");
        }
        return free[--freePages];
    }

    void free(int page) {
        free[freePages++] = page;
    }

    /**
     * Copies slots to other pages. No source page is a target page.
     *
     * @param moves int[count][4]: source page, source slot, target page, target slot
     */
    void moveSlots(int[] moves, int count) {
        for (int first = 0; first < count; first += SLOTS) {
            int part = Math.min(SLOTS, count - first);
            writeSlotList(moves, MOVE_INTS * first, MOVE_INTS * part);
            kernels.moveSlots(layout.page(), storage, scores, slotList, part);
        }
    }

    private void writeSlotList(int[] ints, int offset, int length) {
        slotListStaging.clear().limit(Integer.BYTES * length);
        slotListStaging.asIntBuffer().put(ints, offset, length);
        slotList.write(0, slotListStaging);
    }

    /** Appends slots to {@code target}, each as {@link KvPageDescriptor#slotBytes} says. */
    void packSlots(SlotList slots, ByteBuffer target) {
        int slotBytes = layout.page().slotBytes();
        int end = target.limit();
        for (int first = 0; first < slots.count(); first += SLOTS) {
            int part = Math.min(SLOTS, slots.count() - first);
            writeSlotList(slots.ints(), SlotList.INTS * first, SlotList.INTS * part);
            kernels.packSlots(layout.page(), storage, slotList, part, packed);
            packed.read(0, target.limit(target.position() + slotBytes * part));
            target.limit(end);
        }
    }

    /** Takes slots out of the remaining bytes of {@code source}, which {@link #packSlots} wrote. */
    void unpackSlots(SlotList slots, ByteBuffer source) {
        int slotBytes = layout.page().slotBytes();
        for (int first = 0; first < slots.count(); first += SLOTS) {
            int part = Math.min(SLOTS, slots.count() - first);
            writeSlotList(slots.ints(), SlotList.INTS * first, SlotList.INTS * part);
            packed.write(0, source.limit(source.position() + slotBytes * part));
            kernels.unpackSlots(layout.page(), packed, slotList, part, storage);
        }
    }

    /** The scores of the slots of pages, float[pages][page slots], in the order given. */
    ByteBuffer readScores(int[] pages) {
        ByteBuffer target =
                ByteBuffer.allocate(CacheLayout.SCORE_BYTES * pages.length)
                        .order(ByteOrder.LITTLE_ENDIAN);
        int most = (int) Math.min(SLOTS, packed.bytes() / CacheLayout.SCORE_BYTES);
        for (int first = 0; first < pages.length; first += most) {
            int part = Math.min(most, pages.length - first);
            writeSlotList(pages, first, part);
            kernels.gatherRows(scores, slotList, part, KvPageDescriptor.PAGE_SLOTS, packed);
            packed.read(0, target.limit(CacheLayout.SCORE_BYTES * (first + part)));
        }
        return target.flip();
    }

    /** Overwrites the scores of a page's slots, float[page slots]. */
    void writeScores(int page, ByteBuffer source) {
        scores.write((long) page * CacheLayout.SCORE_BYTES, source);
    }

    /** Overwrites a page with the remaining bytes of {@code source}. */
    void write(int page, ByteBuffer source) {
        storage.write((long) page * layout.page().pageBytes(), source);
    }

    @Override
    public void close() {
        owned.close();
    }
}
