// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

/**
 * Shape of a model's caches.
 *
 * @param fingerprint what cached values depend on, hexadecimal: weights, numerics, types, page
 *     layout. A stored cache with another one is never read
 */
public record CacheLayout(
        KvPageDescriptor page, int numLayers, int numKvHeads, String fingerprint) {
    /** Bytes of the scores beside a page. */
    static final int SCORE_BYTES = KvPageDescriptor.PAGE_SLOTS * Float.BYTES;

    /** Heads of all layers. */
    public int numHeads() {
        return numLayers * numKvHeads;
    }

    /** Pages that {@code positions} positions take uncompressed, over all heads. */
    public long pagesFor(int positions) {
        int perHead = (positions + KvPageDescriptor.PAGE_SLOTS - 1) / KvPageDescriptor.PAGE_SLOTS;
        return (long) perHead * numHeads();
    }

    /**
     * Pages of a pool that can promise {@code pages}: spare ones beside, as many as one head of a
     * session that fills the pool can need while it is rewritten.
     */
    public long poolPages(long pages) {
        return pages + (pages + numHeads() - 1) / numHeads();
    }

    /** Bytes of a pool that can promise {@code pages}: scores and spare pages included. */
    public long poolBytes(long pages) {
        return poolPages(pages) * (page.pageBytes() + SCORE_BYTES);
    }

    /** Pages that a pool of {@code bytes} can promise. */
    public long pagesIn(long bytes) {
        return bytes / (page.pageBytes() + SCORE_BYTES) * numHeads() / (numHeads() + 1);
    }
}
