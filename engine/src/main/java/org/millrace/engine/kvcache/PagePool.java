package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;

/**
 * Owner of all pages of a generator: one buffer of pages, one of their slots' scores, a stack of
 * free pages, and the count of pages promised to sessions. Not thread safe.
 */
public final class PagePool implements AutoCloseable {
    private final CacheLayout layout;
    private final DeviceBuffer storage;
    private final DeviceBuffer scores;
    private final int capacity;
    private final int[] free;
    private int freePages;
    private long committedPages;

    /** Allocates {@code capacity} pages in the memory of {@code kernels}. */
    public PagePool(KernelProvider kernels, CacheLayout layout, int capacity) {
        this.layout = layout;
        this.capacity = capacity;
        this.storage = kernels.allocate((long) capacity * layout.page().pageBytes());
        try {
            this.scores =
                    kernels.allocate((long) capacity * KvPageDescriptor.PAGE_SLOTS * Float.BYTES);
        } catch (OutOfMemoryError e) {
            storage.close();
            throw e;
        }
        this.free = new int[capacity];
        this.freePages = capacity;
        for (int i = 0; i < capacity; i++) {
            free[i] = capacity - 1 - i;
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

    public int capacity() {
        return capacity;
    }

    public int usedPages() {
        return capacity - freePages;
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
        return free[--freePages];
    }

    void free(int page) {
        free[freePages++] = page;
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
    }
}
