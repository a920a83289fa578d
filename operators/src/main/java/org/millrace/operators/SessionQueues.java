// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.LongSupplier;
import org.millrace.operators.state.SessionStateManager;
import org.millrace.operators.state.SessionWork;
import org.millrace.operators.state.SessionWork.Entry;
import org.millrace.operators.state.SessionWork.Kind;

/**
 * The unanswered requests of all sessions: kept in keyed state in order of arrival, with one place
 * in the line for each session that has none running. Decides what is a repeat.
 */
final class SessionQueues {
    private final SessionStateManager state;
    private final WaitingLine line = new WaitingLine();
    private final SessionAges ages;
    private final LongSupplier clockMillis;
    private int requests;

    SessionQueues(SessionStateManager state, SessionAges ages, LongSupplier clockMillis) {
        this.state = state;
        this.ages = ages;
        this.clockMillis = clockMillis;
    }

    /** Sessions that wait. */
    WaitingLine line() {
        return line;
    }

    /** Unanswered requests, running ones included. */
    int requests() {
        return requests;
    }

    /** What became of an offered prompt. */
    enum Offer {
        QUEUED,
        /** It was answered before and the answer is remembered. */
        ANSWERED,
        /** The same request is running or queued. */
        UNANSWERED
    }

    /** Queues a prompt of the selected session. */
    Offer offer(PromptEnvelope envelope) throws Exception {
        SessionWork before = state.work();
        SessionWork work =
                switch (ages.before(envelope.origin())) {
                    case CURRENT -> before;
                    case IDLE -> withRest(before, envelope.request().getPriority());
                    case ENDED -> withEnd(before);
                };
        if (work.find(envelope.requestId()) != null) {
            return Offer.UNANSWERED;
        }
        if (!work.endsSession() && state.answer(envelope.requestId()) != null) {
            return Offer.ANSWERED;
        }
        state.putRequest(work.nextNumber(), envelope);
        store(
                envelope.sessionId(),
                before,
                work.with(
                        Kind.TURN,
                        envelope.requestId(),
                        envelope.request().getPriority(),
                        clockMillis.getAsLong()));
        return Offer.QUEUED;
    }

    /** Queues the end of the selected session behind its requests. */
    void endSession(String sessionId) throws Exception {
        SessionWork before = state.work();
        store(sessionId, before, withEnd(before));
    }

    /** Queues a rest of the selected session. */
    void rest(String sessionId) throws Exception {
        SessionWork before = state.work();
        store(sessionId, before, withRest(before, 0));
    }

    private SessionWork withRest(SessionWork work, int priority) {
        return work.with(Kind.REST, "", priority, clockMillis.getAsLong());
    }

    private SessionWork withEnd(SessionWork work) {
        return work.with(Kind.END_SESSION, "", 0, clockMillis.getAsLong());
    }

    private void store(String sessionId, SessionWork before, SessionWork after) throws Exception {
        requests += after.size() - before.size();
        if (before.isEmpty()) {
            advance(sessionId, after);
        } else {
            state.setWork(after);
        }
    }

    /**
     * Removes a request of the selected session; if it was the first, the next one gets in line.
     */
    void remove(String sessionId, Entry entry) throws Exception {
        SessionWork work = state.work();
        state.removeRequest(entry);
        requests--;
        if (work.first().equals(entry)) {
            line.leave(sessionId);
            advance(sessionId, work.without(entry));
        } else {
            state.setWork(work.without(entry));
        }
    }

    /** Carries out ends of the session until a turn or a rest comes first, which gets in line. */
    private void advance(String sessionId, SessionWork work) throws Exception {
        SessionWork rest = work;
        while (!rest.isEmpty() && rest.first().kind() == Kind.END_SESSION) {
            state.forgetSession();
            rest = rest.without(rest.first());
            requests--;
            if (rest.isEmpty()) {
                state.forgetLastPrompt();
            }
        }
        state.setWork(rest);
        if (!rest.isEmpty()) {
            line.join(sessionId, rest.first().priority(), clockMillis.getAsLong());
        }
    }

    /** Makes the line anew from keyed state. */
    void restore() throws Exception {
        record Restored(String sessionId, boolean resumes, Entry first) {}
        List<Restored> sessions = new ArrayList<>();
        for (String sessionId : state.sessionsWithWork()) {
            state.select(sessionId);
            SessionWork work = state.work();
            requests += work.size();
            sessions.add(new Restored(sessionId, state.turn() != null, work.first()));
        }
        sessions.sort(Comparator.comparingLong(session -> session.first().acceptedMillis()));
        for (Restored session : sessions) {
            Entry first = session.first();
            if (session.resumes()) {
                line.joinResuming(session.sessionId(), first.priority(), first.acceptedMillis());
            } else {
                line.join(session.sessionId(), first.priority(), first.acceptedMillis());
            }
        }
    }
}
