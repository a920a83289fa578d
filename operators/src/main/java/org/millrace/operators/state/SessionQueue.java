// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

/**
 * A session's queue without what is in it: requests have numbers, counted up; a cancelled one
 * leaves a gap. In state only while the queue is not empty: restore enumerates the sessions that
 * have one.
 *
 * @param head number of the first request, running or next to run
 * @param next number of the next request to come
 * @param requests how many there are
 * @param heapBytes that they take, about
 * @param lastEnd number of the newest end of the session; -1 if none waits
 */
public record SessionQueue(long head, long next, int requests, long heapBytes, long lastEnd) {
    /** Event time of what has none, as in Flink. */
    public static final long NO_TIMESTAMP = Long.MIN_VALUE;

    /** No work: never stored. */
    public static final SessionQueue EMPTY = new SessionQueue(0, 0, 0, 0, -1);

    public boolean isEmpty() {
        return requests == 0;
    }

    /** Whether the session will be forgotten before a request that arrives now. */
    public boolean endsSession() {
        return lastEnd >= 0;
    }

    SessionQueue with(Queued queued) {
        return new SessionQueue(
                head,
                next + 1,
                requests + 1,
                heapBytes + queued.heapBytes(),
                queued instanceof Queued.End ? next : lastEnd);
    }

    SessionQueue without(long number, Queued queued, long newHead) {
        return new SessionQueue(
                newHead,
                next,
                requests - 1,
                heapBytes - queued.heapBytes(),
                lastEnd == number ? -1 : lastEnd);
    }
}
