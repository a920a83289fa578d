// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import org.millrace.operators.GenerationSettings;

/**
 * Generates in rounds: each ends what is overdue, fills the batch from the line, runs the model
 * once, and sends off what came of it. Turns of one session run one after the other, sessions side
 * by side. Runs on the task's mailbox thread.
 */
final class StepLoop {
    private final Subtask subtask;
    private final SessionQueues waiting;
    private final GenerationSettings.Queue limits;
    private final TurnStarter starter;
    private final TurnEnds ends;
    private final Batch batch;
    private final Admitting admitting;
    private final Intake intake;

    StepLoop(
            Subtask subtask,
            GenerationSettings settings,
            SessionAges ages,
            EventTimeClock eventTime,
            Answers answers) {
        this.subtask = subtask;
        limits = settings.queue();
        TokenCheck tokens = new TokenCheck(subtask.model(), settings.sessions().allowModelChange());
        waiting = new SessionQueues(subtask, limits, eventTime);
        ends = new TurnEnds(subtask, waiting, answers, tokens);
        StepFailures failures = new StepFailures(subtask, waiting, ends);
        batch = new Batch(subtask, answers, ends, failures);
        starter = new TurnStarter(subtask, settings.sessions(), tokens);
        admitting = new Admitting(subtask, waiting, starter, batch, ends);
        intake = new Intake(subtask, waiting, ages, batch, ends);
        subtask.metrics().watch(batch::size, this::queuedRequests, waiting::heapBytes);
        subtask.metrics()
                .watchPool(subtask.generator()::usedBytes, subtask.generator().poolBytes());
    }

    Intake intake() {
        return intake;
    }

    /** Whether a round would find something to do. */
    boolean hasWork() {
        return !batch.isEmpty() || !waiting.line().isEmpty();
    }

    /** Whether more waits than should. */
    boolean isOverloaded() {
        return queuedRequests() > limits.maxRequests() || waiting.heapBytes() > limits.maxBytes();
    }

    /** Turns that ended since the start. */
    long endedTurns() {
        return ends.ended();
    }

    private int queuedRequests() {
        return waiting.requests() - batch.size();
    }

    /**
     * One round. After a restore the model waits until the sessions that ran are back in the batch:
     * a step with a few of them takes nearly as long as one with all. Rounds stay short meanwhile,
     * so that barriers get through.
     */
    void round() throws Exception {
        batch.endOverdue(subtask.nowMillis());
        boolean isFilled = admitting.fill();
        if (batch.isEmpty() || !isFilled && waiting.line().first().resumes()) {
            return;
        }
        batch.step();
    }

    /** Writes what state lacks of the turns in the batch. */
    void snapshot(long checkpointId) throws Exception {
        batch.snapshot(checkpointId);
    }

    /**
     * Lines up the sessions with unanswered requests in state.
     *
     * @param checkpointId checkpoint that the state is of, or -1
     */
    void restore(long checkpointId) throws Exception {
        starter.restoredFrom(checkpointId);
        subtask.listener().opened(checkpointId);
        waiting.restore();
    }
}
