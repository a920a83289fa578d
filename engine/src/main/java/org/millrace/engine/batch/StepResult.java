// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.Retention;

/** What one step did. */
public final class StepResult {
    /**
     * A generated token.
     *
     * @param index position in the generation, from 0
     * @param text text that became complete with it, possibly empty; held back while it may start a
     *     stop string
     * @param logprob natural log probability, NaN if not asked for
     */
    public record Token(Sequence sequence, int index, int id, String text, float logprob) {}

    /**
     * A cache that was compacted.
     *
     * @param columns positions that could be dropped
     * @param heads what each head keeps, layer by layer
     */
    public record Compacted(
            Sequence sequence, Retention retention, int columns, List<HeadChoice> heads) {}

    private final List<Sequence> started = new ArrayList<>();
    private final List<Token> tokens = new ArrayList<>();
    private final List<Sequence> finished = new ArrayList<>();
    private final List<Compacted> compacted = new ArrayList<>();
    private int prefillTokens;
    private int replayedTokens;
    private long compactNanos;

    void count(List<Scheduler.Slice> slices) {
        for (Scheduler.Slice slice : slices) {
            if (slice.sequence().replay() != null) {
                replayedTokens += slice.rows();
            } else if (slice.sequence().isPrefilling()) {
                prefillTokens += slice.rows();
            }
        }
    }

    /** Sequences of which this step computed the first rows since they joined the batch. */
    public List<Sequence> started() {
        return started;
    }

    /** New tokens, at most one per sequence. */
    public List<Token> tokens() {
        return tokens;
    }

    /** Sequences that left the batch in this step; their caches stay valid until closed. */
    public List<Sequence> finished() {
        return finished;
    }

    /** Caches that were compacted in this step. */
    public List<Compacted> compacted() {
        return compacted;
    }

    /** Prompt positions computed. */
    public int prefillTokens() {
        return prefillTokens;
    }

    void compacting(long nanos) {
        compactNanos = nanos;
    }

    /** Wall time of choosing and moving slots, in nanoseconds. */
    public long compactNanos() {
        return compactNanos;
    }

    /** Rows of contexts that were replayed. */
    public int replayedTokens() {
        return replayedTokens;
    }
}
