package org.millrace.engine.kvcache;

/**
 * Shape of a model's caches.
 *
 * @param fingerprint what cached values depend on, hexadecimal: weights, numerics, types, page
 *     layout. A stored cache with another one is never read
 */
public record CacheLayout(
        KvPageDescriptor page, int numLayers, int numKvHeads, String fingerprint) {
    /** Heads of all layers. */
    public int numHeads() {
        return numLayers * numKvHeads;
    }

    /** Pages that {@code positions} positions take uncompressed, over all heads. */
    public long pagesFor(int positions) {
        int perHead = (positions + KvPageDescriptor.PAGE_SLOTS - 1) / KvPageDescriptor.PAGE_SLOTS;
        return (long) perHead * numHeads();
    }
}
