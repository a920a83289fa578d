package org.millrace.engine.batch;

import org.millrace.engine.Model;
import org.millrace.engine.kvcache.PageSource;
import org.millrace.engine.kvcache.SessionCache;

/**
 * Continuous batching over one page pool: each {@link #step} schedules, runs the model once, samples and accounts. One
 * instance per Flink subtask. Not thread safe; closing frees the pool (and with it every cache), not the model.
 */
public final class Generator implements AutoCloseable {
    public Generator(Model model, GeneratorOptions options) {
        throw new UnsupportedOperationException();
    }

    /** An empty cache for a new session. Takes no page until its first step. */
    public SessionCache newCache() {
        throw new UnsupportedOperationException();
    }

    /**
     * Rebuilds a session's cache from what {@code SessionCacheCodec} wrote. Reads pages one by one from {@code pages}.
     * Its pages count against the pool at once; call only if {@link #hasRoomFor} said so.
     *
     * @throws org.millrace.engine.kvcache.IncompatibleCacheException if the header's fingerprint is not this model's, or
     *     its format is unknown
     * @throws org.millrace.engine.kvcache.CorruptCacheException if a checksum fails or a page is missing
     */
    public SessionCache restoreCache(byte[] header, byte[] tails, PageSource pages) {
        throw new UnsupportedOperationException();
    }

    /**
     * Whether a sequence that ends with {@code totalTokens} positions fits in the pool now, next to all that was
     * admitted. Submitting reserves its worst case, so a running sequence never lacks a page.
     */
    public boolean hasRoomFor(int totalTokens) {
        throw new UnsupportedOperationException();
    }

    /** Most positions of one session that the whole pool could hold. */
    public int maxSessionTokens() {
        throw new UnsupportedOperationException();
    }

    /** Takes a sequence into the batch. Its cache must be one of this generator's. */
    public void submit(Sequence sequence) {
        throw new UnsupportedOperationException();
    }

    /** Takes a sequence out before it ended by itself; its reason is set, its cache stays valid. */
    public void cancel(Sequence sequence, FinishReason reason) {
        throw new UnsupportedOperationException();
    }

    /** Sequences in the batch. */
    public int liveSequences() {
        throw new UnsupportedOperationException();
    }

    /** Pool bytes in pages that hold slots. */
    public long usedBytes() {
        throw new UnsupportedOperationException();
    }

    /** One round: up to {@code maxBatchTokens} positions forward, at most one new token per sequence. */
    public StepResult step() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
