// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import org.millrace.operators.state.RunningTurn;
import org.millrace.operators.state.SessionWork;

/**
 * The request that comes into the batch next, kept while it waits for room.
 *
 * @param envelope null for a rest
 * @param positions most that the session's cache may have to hold until the turn ends
 * @param fresh a turn that begins, else null
 * @param resumed a turn that ran before a restore, else null
 */
record Candidate(
        WaitingLine.Place place,
        SessionWork.Entry entry,
        PromptEnvelope envelope,
        int positions,
        Admission.Turn fresh,
        RunningTurn resumed) {}
