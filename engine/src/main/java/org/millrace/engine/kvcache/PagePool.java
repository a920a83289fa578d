package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;

/**
 * Owner of all pages of a generator: one buffer of pages, one of their slots' scores, a stack of
 * free pages, and the count of pages promised to sessions. Beside the pages that can be promised it
 * holds spare ones, as many as one head may need while it is rewritten. Owns the statistics of
 * profiled turns, too. Not thread safe.
 */
public final class PagePool implements AutoCloseable {
    private final CacheLayout layout;
    private final DeviceBuffer storage;
    private final DeviceBuffer scores;
    private final KernelProvider kernels;
    private final TurnStatistics statistics;
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
        this.storage = kernels.allocate((long) pages * layout.page().pageBytes());
        try {
            this.scores = kernels.allocate((long) pages * CacheLayout.SCORE_BYTES);
        } catch (OutOfMemoryError e) {
            storage.close();
            throw e;
        }
        this.statistics = new TurnStatistics(kernels);
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

    /** Pages that can be promised. */
    public int capacity() {
        return capacity;
    }

    public int usedPages() {
        return pages - freePages;
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
     * Copies slots to other pages.
     *
     * @param moves int[count][4]: source page, source slot, target page, target slot
     */
    void moveSlots(int[] moves, int count) {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(4 * Integer.BYTES * count).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(moves, 0, 4 * count);
        try (DeviceBuffer buffer = kernels.allocate(bytes.capacity())) {
            buffer.write(0, bytes);
            kernels.moveSlots(layout.page(), storage, scores, buffer, count);
        }
    }

    /** The scores of a page's slots, float[page slots]. */
    ByteBuffer readScores(int page) {
        ByteBuffer target =
                ByteBuffer.allocate(CacheLayout.SCORE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        scores.read((long) page * CacheLayout.SCORE_BYTES, target);
        return target.flip();
    }

    /** Overwrites the scores of a page's slots, float[page slots]. */
    void writeScores(int page, ByteBuffer source) {
        scores.write((long) page * CacheLayout.SCORE_BYTES, source);
    }

    /** Copies a page's bytes into {@code target}, which is cleared first and flipped after. */
    void read(int page, ByteBuffer target) {
        target.clear().order(ByteOrder.LITTLE_ENDIAN);
        target.limit(layout.page().pageBytes());
        storage.read((long) page * layout.page().pageBytes(), target);
        target.flip();
    }

    /** Overwrites a page with the remaining bytes of {@code source}. */
    void write(int page, ByteBuffer source) {
        storage.write((long) page * layout.page().pageBytes(), source);
    }

    @Override
    public void close() {
        storage.close();
        scores.close();
        statistics.close();
    }
}
