// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import org.millrace.operators.Prompt;

/** What waits in a session's queue, or runs at its head. */
public sealed interface Queued {
    /** Wall clock when the operator took it in, milliseconds since the epoch. */
    long acceptedMillis();

    /** Higher goes first. */
    int priority();

    /** Heap that it takes, in bytes, about. */
    long heapBytes();

    /**
     * A turn that somebody asked for.
     *
     * @param timestampMillis event time of the prompt, {@link SessionQueue#NO_TIMESTAMP} for none
     */
    record Turn(Prompt prompt, long acceptedMillis, long timestampMillis) implements Queued {
        @Override
        public int priority() {
            return prompt.request().getPriority();
        }

        @Override
        public long heapBytes() {
            return prompt.heapBytes();
        }

        /** Whether the request's deadline is over. */
        public boolean isPast(long nowMillis) {
            long deadlineMillis = prompt.request().getDeadlineMillis();
            return deadlineMillis > 0 && nowMillis >= deadlineMillis;
        }
    }

    /** The session's whole cache is compressed: it was idle. */
    record Rest(int priority, long acceptedMillis) implements Queued {
        @Override
        public long heapBytes() {
            return 0;
        }
    }

    /** The session is forgotten: asked for by a record, or due because of its age. */
    record End(long acceptedMillis) implements Queued {
        @Override
        public int priority() {
            return 0;
        }

        @Override
        public long heapBytes() {
            return 0;
        }
    }
}
