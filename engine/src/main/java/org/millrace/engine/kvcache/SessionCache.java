package org.millrace.engine.kvcache;

import java.nio.IntBuffer;

/**
 * The KV cache of one session: per layer and KV head a table of pages. Owned by the thread of its
 * generator. Pages that are full never change; the last page of each head, its tail, grows.
 *
 * <p>To save: write full pages as they fill ({@link #writeFullPages}), and at a snapshot the {@link
 * #encodeHeader header} and the {@link #encodeTails tails}. The three together restore the cache.
 */
public final class SessionCache implements AutoCloseable {
    private final PagePool pool;
    private final HeadCache[] heads;
    private int length;
    private long committedPages;

    /** An empty cache that takes its pages from {@code pool}. */
    public SessionCache(PagePool pool) {
        this.pool = pool;
        this.heads = new HeadCache[pool.layout().numHeads()];
        for (int i = 0; i < heads.length; i++) {
            heads[i] = new HeadCache();
        }
    }

    /**
     * Rebuilds a cache from {@link #encodeHeader}, {@link #encodeTails} and the stored pages.
     *
     * @throws IncompatibleCacheException if it is of another model, layout or format version
     * @throws CorruptCacheException if a checksum fails or a page is missing
     */
    public static SessionCache restore(
            PagePool pool, byte[] header, byte[] tails, PageSource pages) {
        SessionCache cache = new SessionCache(pool);
        try {
            SessionCacheCodec codec = new SessionCacheCodec(pool);
            cache.length = codec.restore(header, tails, pages, cache.heads, cache::commitPages);
            return cache;
        } catch (RuntimeException e) {
            cache.close();
            throw e;
        }
    }

    /** Positions written. */
    public int length() {
        return length;
    }

    /** Bytes of the pages that hold slots. */
    public long bytes() {
        long pages = 0;
        for (HeadCache head : heads) {
            pages += head.pages();
        }
        return pages * pool.layout().page().pageBytes();
    }

    /** Bytes that the same positions would take uncompressed. */
    public long fullBytes() {
        return pool.layout().pagesFor(length) * pool.layout().page().pageBytes();
    }

    /**
     * Promises this cache the pages for {@code positions} positions.
     *
     * @throws IllegalStateException if the pool has not as many left
     */
    public void reserve(int positions) {
        commitPages(pool.layout().pagesFor(positions));
    }

    private void commitPages(long pages) {
        if (pages > committedPages) {
            pool.commit(pages - committedPages);
            committedPages = pages;
        }
    }

    /** Takes slots for the next {@code count} positions in every head. Kernels then write them. */
    public void append(int count) {
        commitPages(pool.layout().pagesFor(length + count));
        for (HeadCache head : heads) {
            head.append(count, pool);
        }
        length += count;
    }

    /** Slots of a head, those of the newest positions included. */
    public int slots(int layer, int kvHead) {
        return head(layer, kvHead).slots();
    }

    /** Number of pages of a head. */
    public int pages(int layer, int kvHead) {
        return head(layer, kvHead).pages();
    }

    /** Appends a head's page table to {@code target}: int[pages][2], page number and live mask. */
    public void writeEntries(int layer, int kvHead, IntBuffer target) {
        head(layer, kvHead).writeEntries(target);
    }

    private HeadCache head(int layer, int kvHead) {
        return heads[layer * pool.layout().numKvHeads() + kvHead];
    }

    /**
     * Hands every full page that was not handed out before to {@code sink}, once; returns how many.
     */
    public int writeFullPages(PageSink sink) {
        return new SessionCacheCodec(pool).writeFullPages(heads, sink);
    }

    /** Ids of all full pages, to delete them from state when the session ends. */
    public long[] fullPageIds() {
        return SessionCacheCodec.fullPageIds(
                pool.layout().numKvHeads(), i -> heads[i].fullPages(), heads.length);
    }

    /** Page tables, counters, format version, fingerprint, CRC32C. */
    public byte[] encodeHeader() {
        return new SessionCacheCodec(pool).encodeHeader(length, heads);
    }

    /** The filled slots of all tail pages in one array, CRC32C at the end. */
    public byte[] encodeTails() {
        return new SessionCacheCodec(pool).encodeTails(heads);
    }

    /**
     * Ids of the full pages that a header names: for deleting them without restoring the cache.
     *
     * @throws CorruptCacheException if the header's checksum fails
     */
    public static long[] fullPageIds(byte[] header) {
        return SessionCacheCodec.fullPageIds(header);
    }

    /** Gives all pages back to the pool. */
    @Override
    public void close() {
        for (HeadCache head : heads) {
            head.free(pool);
        }
        pool.release(committedPages);
        committedPages = 0;
        length = 0;
    }
}
