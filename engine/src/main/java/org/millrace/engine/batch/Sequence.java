package org.millrace.engine.batch;

import org.millrace.engine.kvcache.SessionCache;

/**
 * One turn of a session in the batch: the session's tokens, how many of them the cache holds, and what was generated.
 *
 * <pre>
 *   tokens:  [ earlier turns ... | prompt of this turn ... | generated ... ]
 *            0                    turnStart                 promptEnd       length
 *            [ ---- in the cache ---- )cache.length()
 * </pre>
 *
 * Whatever is not in the cache yet is computed next; when the last token has been, the next one is sampled. Owned by the
 * thread of its {@link Generator}.
 */
public final class Sequence {
    /**
     * A new turn.
     *
     * @param cache the session's cache; {@code cache.length()} positions of {@code history} are in it
     * @param history all tokens of earlier turns, generated ones included
     * @param prompt tokens of this turn, at least one together with the part of history that is not cached
     * @param attachment the caller's own, returned by {@link #attachment()}
     */
    public Sequence(
            SessionCache cache, int[] history, int[] prompt, GenerationParams params, Object attachment) {
        throw new UnsupportedOperationException();
    }

    public SessionCache cache() {
        throw new UnsupportedOperationException();
    }

    public GenerationParams params() {
        throw new UnsupportedOperationException();
    }

    public Object attachment() {
        throw new UnsupportedOperationException();
    }

    /** All tokens of the session: history, prompt, generated. A copy. */
    public int[] tokens() {
        throw new UnsupportedOperationException();
    }

    /** Tokens generated in this turn, an end-of-sequence token included. A copy. */
    public int[] generated() {
        throw new UnsupportedOperationException();
    }

    /** Log probabilities of {@link #generated()}; empty if not asked for. A copy. */
    public float[] logprobs() {
        throw new UnsupportedOperationException();
    }

    /** Text generated so far, without a stop string. */
    public String text() {
        throw new UnsupportedOperationException();
    }

    /** Tokens of this turn's prompt. */
    public int promptTokens() {
        throw new UnsupportedOperationException();
    }

    /** Positions of earlier turns that were in the cache when the turn began, and so were not computed again. */
    public int reusedTokens() {
        throw new UnsupportedOperationException();
    }

    /** First position of the next step's work, which is {@code cache().length()}. */
    public int nextPosition() {
        throw new UnsupportedOperationException();
    }

    /** Whether prompt positions are still to be computed. */
    public boolean isPrefilling() {
        throw new UnsupportedOperationException();
    }

    /** Why the turn ended; null while it runs. */
    public FinishReason finishReason() {
        throw new UnsupportedOperationException();
    }

    /** Most positions the session can have when this turn ends. */
    public int maxTotalTokens() {
        throw new UnsupportedOperationException();
    }

    /** This turn without its cache, as bytes (format version inside). Save the cache beside it. */
    public byte[] save() {
        throw new UnsupportedOperationException();
    }

    /**
     * The turn that {@link #save} wrote, to go on at its exact next token. If {@code cache} is empty (refused or corrupt),
     * everything is computed again from the token ids.
     */
    public static Sequence restore(byte[] saved, SessionCache cache, Object attachment) {
        throw new UnsupportedOperationException();
    }
}
