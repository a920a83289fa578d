// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import org.millrace.engine.batch.FinishReason;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.Prompt;
import org.millrace.operators.RequestCheck;
import org.millrace.operators.state.QueueState;
import org.millrace.operators.state.Queued;
import org.millrace.operators.state.SessionStateManager;

/**
 * Takes prompts in: queues turns, decides what is a repeat, carries out cancels and ends of
 * sessions. Every method is about the selected session.
 */
final class Intake {
    private final Subtask subtask;
    private final SessionStateManager state;
    private final QueueState queues;
    private final SessionQueues waiting;
    private final SessionAges ages;
    private final Batch batch;
    private final TurnEnds ends;

    Intake(Subtask subtask, SessionQueues waiting, SessionAges ages, Batch batch, TurnEnds ends) {
        this.subtask = subtask;
        this.state = subtask.state();
        this.queues = state.queues();
        this.waiting = waiting;
        this.ages = ages;
        this.batch = batch;
        this.ends = ends;
    }

    /** Takes in a prompt; {@code timestampMillis} as in Flink. */
    void accept(Prompt prompt, long timestampMillis) throws Exception {
        Queued.Turn turn = new Queued.Turn(prompt, subtask.nowMillis(), timestampMillis);
        try {
            RequestCheck.check(prompt.request());
        } catch (BadRequestException e) {
            ends.reject(turn, e);
            return;
        }
        switch (prompt.request().getKind()) {
            case GENERATE -> offer(turn);
            case CANCEL -> cancel(prompt);
            case END_SESSION -> append(prompt.session(), new Queued.End(subtask.nowMillis()));
            default -> throw new IllegalStateException("unchecked kind");
        }
    }

    private void offer(Queued.Turn turn) throws Exception {
        String session = turn.prompt().session();
        String requestId = turn.prompt().requestId();
        switch (ages.before(turn.timestampMillis())) {
            case CURRENT -> {}
            case IDLE -> append(session, new Queued.Rest(turn.priority(), turn.acceptedMillis()));
            case ENDED -> append(session, new Queued.End(turn.acceptedMillis()));
        }
        if (queues.find(requestId) >= 0) {
            subtask.metrics().ignoredRepeat();
        } else if (!queues.queue().endsSession() && state.answer(requestId) != null) {
            ends.repeat(turn);
        } else if (!waiting.hasRoomFor(turn)) {
            ends.reject(
                    turn,
                    new BadRequestException(
                            DeadLetterReason.SESSION_QUEUE_FULL, waiting.describeLimits()));
        } else {
            append(session, turn);
        }
    }

    private void append(String session, Queued queued) throws Exception {
        waiting.append(session, queued);
    }

    /** Takes in that the session is idle. */
    void rest(String session) throws Exception {
        append(session, new Queued.Rest(0, subtask.nowMillis()));
    }

    private void cancel(Prompt cancel) throws Exception {
        long number = queues.find(cancel.requestId());
        if (number < 0) {
            return;
        }
        if (batch.runs(cancel.session(), number)) {
            batch.end(cancel.session(), FinishReason.CANCELLED);
        } else if (queues.get(number) instanceof Queued.Turn turn) {
            ends.endWaiting(turn, number, FinishReason.CANCELLED);
        }
    }
}
