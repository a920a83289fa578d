// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.concurrent.TimeUnit;
import org.millrace.engine.batch.Sequence;
import org.millrace.operators.state.Queued;

/** A turn in the batch: what its sequence does not know. Attached to it, owned by the batch. */
abstract sealed class LiveTurn {
    private final String session;
    private final long number;

    private LiveTurn(String session, long number) {
        this.session = session;
        this.number = number;
    }

    static LiveTurn of(Sequence sequence) {
        return (LiveTurn) sequence.attachment();
    }

    final String session() {
        return session;
    }

    /** Its number in the session's queue. */
    final long number() {
        return number;
    }

    abstract String requestId();

    abstract boolean isPast(long nowMillis);

    /** Compresses a session; nobody waits for it. */
    static final class Rest extends LiveTurn {
        Rest(String session, long number) {
            super(session, number);
        }

        @Override
        String requestId() {
            return "";
        }

        @Override
        boolean isPast(long nowMillis) {
            return false;
        }
    }

    /** Answers a prompt. Wall-clock times are milliseconds since the epoch. */
    static final class Answer extends LiveTurn {
        private final Queued.Turn asked;
        private final String firstFingerprint;
        private long startedMillis;
        private long firstTokenMillis;
        private long lastTokenNanos;
        private int sentTokens;

        /**
         * @param firstFingerprint of the weights that the turn began with
         * @param startedMillis when its first step began; 0 if it has had none
         * @param firstTokenMillis 0 if it has no token yet
         */
        Answer(
                long number,
                Queued.Turn asked,
                String firstFingerprint,
                long startedMillis,
                long firstTokenMillis) {
            super(asked.prompt().session(), number);
            this.asked = asked;
            this.firstFingerprint = firstFingerprint;
            this.startedMillis = startedMillis;
            this.firstTokenMillis = firstTokenMillis;
        }

        Queued.Turn asked() {
            return asked;
        }

        @Override
        String requestId() {
            return asked.prompt().requestId();
        }

        @Override
        boolean isPast(long nowMillis) {
            return asked.isPast(nowMillis);
        }

        String firstFingerprint() {
            return firstFingerprint;
        }

        /** Notes that its first step began, unless that was before a restore. */
        void started(long nowMillis) {
            if (startedMillis == 0) {
                startedMillis = nowMillis;
            }
        }

        /** When its first step began; 0 if it has had none. */
        long startedMillis() {
            return startedMillis;
        }

        long firstTokenMillis() {
            return firstTokenMillis;
        }

        /** Notes how many tokens the turn has as it comes into the batch. */
        void joined(int generatedTokens) {
            sentTokens = generatedTokens;
        }

        /** Tokens that were sent. */
        int sentTokens() {
            return sentTokens;
        }

        /** Notes a new token, which was sent, and measures how long it was waited for. */
        void tokenGenerated(long nowMillis, long nowNanos, GenerationMetrics metrics) {
            if (firstTokenMillis == 0) {
                firstTokenMillis = nowMillis;
                metrics.firstToken(
                        asked.priority(),
                        TimeUnit.MILLISECONDS.toNanos(nowMillis - startedMillis),
                        TimeUnit.MILLISECONDS.toNanos(nowMillis - asked.acceptedMillis()));
            } else if (lastTokenNanos != 0) {
                metrics.nextToken(asked.priority(), nowNanos - lastTokenNanos);
            }
            lastTokenNanos = nowNanos;
            sentTokens++;
        }
    }
}
