// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.millrace.operators.GenerationSettings;
import org.millrace.operators.state.QueueState;
import org.millrace.operators.state.Queued;
import org.millrace.operators.state.SessionQueue;
import org.millrace.operators.state.SessionStateManager;

/**
 * The unanswered requests of all sessions: kept in keyed state in order of arrival, with one place
 * in the line for each session that has none running. Counts them, in all.
 */
final class SessionQueues {
    private final Subtask subtask;
    private final SessionStateManager state;
    private final QueueState queues;
    private final GenerationSettings.Queue limits;
    private final EventTimeClock eventTime;
    private final WaitingLine line = new WaitingLine();
    private int requests;
    private long heapBytes;

    SessionQueues(Subtask subtask, GenerationSettings.Queue limits, EventTimeClock eventTime) {
        this.subtask = subtask;
        this.state = subtask.state();
        this.queues = state.queues();
        this.limits = limits;
        this.eventTime = eventTime;
    }

    /** Sessions that wait. */
    WaitingLine line() {
        return line;
    }

    /** Unanswered requests, running ones included. */
    int requests() {
        return requests;
    }

    /** Heap that they take, in bytes, about. */
    long heapBytes() {
        return heapBytes;
    }

    /** Whether the selected session has room for one more turn. */
    boolean hasRoomFor(Queued.Turn turn) throws Exception {
        SessionQueue queue = queues.queue();
        return queue.isEmpty()
                || queue.requests() < limits.maxSessionRequests()
                        && queue.heapBytes() + turn.heapBytes() <= limits.maxSessionBytes();
    }

    /** What the limits of one session are, and how near the selected one is to them. */
    String describeLimits() throws Exception {
        SessionQueue queue = queues.queue();
        return String.format(
                "sessionRequests=%d of %d, sessionBytes=%d of %d; send it again when the session's"
                        + " requests are answered",
                queue.requests(),
                limits.maxSessionRequests(),
                queue.heapBytes(),
                limits.maxSessionBytes());
    }

    /** Puts something behind all other requests of the selected session. */
    void append(String session, Queued queued) throws Exception {
        SessionQueue before = queues.queue();
        count(queued, 1);
        queues.append(queued);
        if (queued instanceof Queued.Turn turn) {
            eventTime.began(turn.timestampMillis());
        }
        if (before.isEmpty()) {
            advance(session);
        }
    }

    private void count(Queued queued, int sign) {
        requests += sign;
        heapBytes += sign * queued.heapBytes();
    }

    /** Removes a turn or rest of the selected session; the next one gets in line. */
    void remove(String session, long number) throws Exception {
        boolean isFirst = queues.queue().head() == number;
        Queued removed = queues.get(number);
        count(removed, -1);
        queues.remove(number);
        if (isFirst) {
            line.leave(session);
            advance(session);
        }
        if (removed instanceof Queued.Turn turn) {
            eventTime.ended(turn.timestampMillis());
        }
    }

    /** Carries out ends of the session until a turn or a rest comes first, which gets in line. */
    private void advance(String session) throws Exception {
        SessionQueue queue = queues.queue();
        while (!queue.isEmpty()) {
            Queued first = queues.get(queue.head());
            if (!(first instanceof Queued.End)) {
                line.join(session, first.priority(), subtask.nowMillis());
                return;
            }
            state.forgetSession();
            count(first, -1);
            queue = queues.remove(queue.head());
            if (queue.isEmpty()) {
                state.forgetLastPrompt();
            }
        }
    }

    /** Makes counts and line anew from keyed state. */
    void restore() throws Exception {
        record Restored(String session, boolean resumes, Queued first) {}
        List<Restored> sessions = new ArrayList<>();
        for (String session : queues.sessions()) {
            state.select(session);
            for (Queued queued : queues.all()) {
                count(queued, 1);
                if (queued instanceof Queued.Turn turn) {
                    eventTime.began(turn.timestampMillis());
                }
            }
            Queued first = queues.get(queues.queue().head());
            sessions.add(new Restored(session, state.turn() != null, first));
        }
        sessions.sort(Comparator.comparingLong(session -> session.first().acceptedMillis()));
        for (Restored session : sessions) {
            Queued first = session.first();
            if (session.resumes()) {
                line.joinResuming(session.session(), first.priority(), first.acceptedMillis());
            } else {
                line.join(session.session(), first.priority(), first.acceptedMillis());
            }
        }
    }
}
