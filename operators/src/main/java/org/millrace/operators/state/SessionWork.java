// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The index of a session's unanswered requests in order of arrival, the first of them running or
 * next to run. In state only while there is one: restore enumerates the sessions that have it. The
 * requests themselves are kept apart, by number.
 *
 * @param nextNumber number of the next request
 */
public record SessionWork(long nextNumber, List<Entry> entries) {
    /** No work: never stored. */
    public static final SessionWork NONE = new SessionWork(0, List.of());

    /** What is asked for. */
    public enum Kind {
        TURN,
        /** Forget the session: asked for by a record, or due because of its age. */
        END_SESSION,
        /** Compress the session's whole cache: it was idle. */
        REST
    }

    /**
     * One request.
     *
     * @param requestId empty but for a {@link Kind#TURN}
     * @param acceptedMillis wall clock when the operator took it in, since the epoch
     */
    public record Entry(
            long number, Kind kind, String requestId, int priority, long acceptedMillis) {}

    public SessionWork {
        entries = List.copyOf(entries);
    }

    public boolean isEmpty() {
        return entries.isEmpty();
    }

    public int size() {
        return entries.size();
    }

    public Entry first() {
        return entries.get(0);
    }

    public SessionWork with(Kind kind, String requestId, int priority, long acceptedMillis) {
        List<Entry> more = new ArrayList<>(entries);
        more.add(new Entry(nextNumber, kind, requestId, priority, acceptedMillis));
        return new SessionWork(nextNumber + 1, more);
    }

    public SessionWork without(Entry entry) {
        List<Entry> fewer = new ArrayList<>(entries);
        fewer.remove(entry);
        return new SessionWork(nextNumber, fewer);
    }

    /** Whether the session will be forgotten before a request that arrives now. */
    public boolean endsSession() {
        return entries.stream().anyMatch(entry -> entry.kind() == Kind.END_SESSION);
    }

    /**
     * The turn of this id that a request arriving now would repeat, or null; one before an end of
     * the session is another.
     */
    public Entry find(String requestId) {
        for (int i = entries.size() - 1; i >= 0; i--) {
            Entry entry = entries.get(i);
            if (entry.kind() == Kind.END_SESSION) {
                return null;
            }
            if (Objects.equals(entry.requestId(), requestId)) {
                return entry;
            }
        }
        return null;
    }
}
