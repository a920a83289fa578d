// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import org.millrace.operators.state.SessionWork;

/**
 * A turn in the batch: what the sequence does not know. Attached to its sequence, owned by the step
 * loop.
 *
 * <p>Wall-clock times are milliseconds since the epoch.
 */
final class LiveTurn {
    private final String sessionId;
    private final PromptEnvelope envelope;
    private final SessionWork.Entry entry;
    private final String firstFingerprint;
    private final long startedMillis;
    private long firstTokenMillis;
    private long lastTokenNanos;

    /**
     * @param firstFingerprint of the weights that the turn began with
     * @param firstTokenMillis 0 if it has no token yet
     */
    LiveTurn(
            PromptEnvelope envelope,
            SessionWork.Entry entry,
            String firstFingerprint,
            long startedMillis,
            long firstTokenMillis) {
        this(
                envelope.sessionId(),
                envelope,
                entry,
                firstFingerprint,
                startedMillis,
                firstTokenMillis);
    }

    private LiveTurn(
            String sessionId,
            PromptEnvelope envelope,
            SessionWork.Entry entry,
            String firstFingerprint,
            long startedMillis,
            long firstTokenMillis) {
        this.sessionId = sessionId;
        this.envelope = envelope;
        this.entry = entry;
        this.firstFingerprint = firstFingerprint;
        this.startedMillis = startedMillis;
        this.firstTokenMillis = firstTokenMillis;
    }

    /** A rest of a session, which nobody asked for. */
    static LiveTurn rest(String sessionId, SessionWork.Entry entry) {
        return new LiveTurn(sessionId, null, entry, "", 0, 0);
    }

    /** Null for a rest. */
    PromptEnvelope envelope() {
        return envelope;
    }

    SessionWork.Entry entry() {
        return entry;
    }

    String sessionId() {
        return sessionId;
    }

    String requestId() {
        return entry.requestId();
    }

    String firstFingerprint() {
        return firstFingerprint;
    }

    long startedMillis() {
        return startedMillis;
    }

    long firstTokenMillis() {
        return firstTokenMillis;
    }

    boolean isPast(long nowMillis) {
        return envelope != null && isPast(envelope, nowMillis);
    }

    /** Whether a request's deadline is over. */
    static boolean isPast(PromptEnvelope envelope, long nowMillis) {
        long deadlineMillis = envelope.request().getDeadlineMillis();
        return deadlineMillis > 0 && nowMillis >= deadlineMillis;
    }

    /**
     * Notes a new token; returns the nanoseconds since the one before, or -1 for the first of this
     * run.
     */
    long tokenGenerated(long nowMillis, long nowNanos) {
        if (firstTokenMillis == 0) {
            firstTokenMillis = nowMillis;
        }
        long gap = lastTokenNanos == 0 ? -1 : nowNanos - lastTokenNanos;
        lastTokenNanos = nowNanos;
        return gap;
    }
}
