package org.millrace.engine.kvcache;

/**
 * A session's cache as bytes, but for its full pages. See {@link SessionCacheCodec} for the
 * formats.
 *
 * @param header page tables, policies, counters, fingerprint
 * @param tails live slots of pages that are not full, or an index of what {@link
 *     SessionCache#saveNew} stored of them
 * @param scores scores of slots that a policy may evict yet; empty if there are none
 * @param profile statistics of an unfinished prompt; empty if there are none
 */
public record SavedCache(byte[] header, byte[] tails, byte[] scores, byte[] profile) {
    /**
     * Ids of the full pages that a header names: for deleting them without restoring the cache.
     *
     * @throws CorruptCacheException if the header's checksum fails
     * @throws IncompatibleCacheException if its format is unknown
     */
    public static long[] fullPageIds(byte[] header) {
        return SavedHeader.read(header).fullPageIds();
    }

    /**
     * Compactions that the cache of a header went through.
     *
     * @throws CorruptCacheException if the header's checksum fails
     * @throws IncompatibleCacheException if its format is unknown
     */
    public static int compactions(byte[] header) {
        return SavedHeader.read(header).compactions().size();
    }

    /**
     * Pages that the cache of a header needs until it has {@code positions} positions.
     *
     * @throws CorruptCacheException if the header's checksum fails
     * @throws IncompatibleCacheException if its format is unknown
     */
    public static long pagesFor(byte[] header, int positions) {
        SavedHeader saved = SavedHeader.read(header);
        return saved.pagesWith(Math.max(0, positions - saved.length()));
    }

    /**
     * Ids under which {@link SessionCache#saveNew} stored what {@code tails} names.
     *
     * @throws CorruptCacheException if its checksum fails
     * @throws IncompatibleCacheException if its format is unknown
     */
    public static long[] tailIds(byte[] tails) {
        return TailLog.isIndex(tails) ? TailLog.ids(tails) : new long[0];
    }
}
