package org.millrace.operators;

import org.millrace.operators.state.RunningTurn;
import org.millrace.operators.state.SessionWork;

/**
 * The request that comes into the batch next, kept while it waits for room.
 *
 * @param fresh a turn that begins; null if {@code resumed} is given
 * @param resumed a turn that ran before a restore; null if {@code fresh} is given
 */
record Candidate(
        WaitingLine.Place place,
        SessionWork.Entry entry,
        PromptEnvelope envelope,
        Admission.Turn fresh,
        RunningTurn resumed) {
    /** Most positions that the session's cache may have to hold until the turn ends. */
    int positions() {
        return fresh != null ? fresh.positions() : resumed.positions();
    }
}
