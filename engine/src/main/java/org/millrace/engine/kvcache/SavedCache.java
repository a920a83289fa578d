// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

/**
 * A session's cache as bytes, but for its slots, which {@link SlotLog} stores.
 *
 * @param header page tables, policies, counters, ids of the slots' entries, fingerprint; see {@link
 *     SavedHeader}
 * @param tails part of a cache of an older version, see {@link PagedCache}; else empty
 * @param scores scores of slots that a policy may evict yet, see {@link ScoresCodec}; empty if
 *     there are none
 * @param profile statistics of an unfinished prompt, see {@link ProfileCodec}; empty if there are
 *     none
 */
public record SavedCache(byte[] header, byte[] tails, byte[] scores, byte[] profile) {
    /**
     * Ids of the entries that a cache has beside these parts: for deleting them without restoring
     * it.
     *
     * @param tails of {@link SavedCache}
     * @throws CorruptCacheException if the header's checksum fails
     * @throws IncompatibleCacheException if its format is unknown
     */
    public static long[] ids(byte[] header, byte[] tails) {
        SavedHeader saved = SavedHeader.read(header);
        return isPaged(header) ? PagedCache.ids(saved, tails) : saved.slotIds();
    }

    /**
     * Whether a header is of an older version, which stored full pages one by one, and tails apart.
     * Such a cache is read, never written.
     */
    public static boolean isPaged(byte[] header) {
        return Sections.version(header) <= PagedCache.LAST_VERSION;
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
     * @throws IncompatibleCacheException if it is of another model or layout, or its format is
     *     unknown
     */
    public static long pagesFor(byte[] header, CacheLayout layout, int positions) {
        SavedHeader saved = SavedHeader.read(header);
        saved.checkFingerprint(layout);
        return saved.pagesWith(Math.max(0, positions - saved.length()));
    }
}
