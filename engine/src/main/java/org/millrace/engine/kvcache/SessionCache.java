package org.millrace.engine.kvcache;

/**
 * The KV cache of one session: per layer and KV head a table of pages. Owned by the thread of its generator. Pages that are
 * full never change; the last page of each head, its tail, grows.
 *
 * <p>To save: write full pages as they fill ({@link #writeFullPages}), and at a snapshot the {@link #encodeHeader header} and
 * the {@link #encodeTails tails}. The three together restore the cache.
 */
public final class SessionCache implements AutoCloseable {
    SessionCache() {}

    /** Positions written. */
    public int length() {
        throw new UnsupportedOperationException();
    }

    /** Bytes of the pages that hold slots. */
    public long bytes() {
        throw new UnsupportedOperationException();
    }

    /** Bytes that the same positions would take uncompressed. */
    public long fullBytes() {
        throw new UnsupportedOperationException();
    }

    /** Hands every full page that was not handed out before to {@code sink}, once; returns how many. */
    public int writeFullPages(PageSink sink) {
        throw new UnsupportedOperationException();
    }

    /** Ids of all full pages, to delete them from state when the session ends. */
    public long[] fullPageIds() {
        throw new UnsupportedOperationException();
    }

    /** Page tables, counters, format version, fingerprint, CRC32C. */
    public byte[] encodeHeader() {
        throw new UnsupportedOperationException();
    }

    /** The filled slots of all tail pages in one array, CRC32C at the end. */
    public byte[] encodeTails() {
        throw new UnsupportedOperationException();
    }

    /** Ids of the full pages that a header names: for deleting them without restoring the cache. */
    public static long[] fullPageIds(byte[] header) {
        throw new UnsupportedOperationException();
    }

    /** Gives all pages back to the pool. */
    @Override
    public void close() {}
}
