// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.millrace.engine.batch.FinishReason;
import org.millrace.engine.batch.Sequence;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.state.Queued;
import org.millrace.operators.state.SessionStateManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the turn that makes steps fail, so that it becomes a dead letter and the others go on. All
 * turns of the failed step leave the batch and come in again one in each step: the one whose coming
 * in fails again is at fault. Their caches are computed again from their tokens.
 *
 * <p>Where two turns in a row fail, it is not a turn that is broken: the task fails.
 */
final class StepFailures {
    private static final Logger LOG = LoggerFactory.getLogger(StepFailures.class);

    private final Subtask subtask;
    private final SessionStateManager state;
    private final SessionQueues waiting;
    private final TurnEnds ends;
    private final Set<String> suspects = new HashSet<>();
    private Optional<String> onTrial = Optional.empty();
    private boolean failedBefore;

    StepFailures(Subtask subtask, SessionQueues waiting, TurnEnds ends) {
        this.subtask = subtask;
        this.state = subtask.state();
        this.waiting = waiting;
        this.ends = ends;
    }

    boolean isOnTrial() {
        return onTrial.isPresent();
    }

    /** Notes who came into the batch. */
    void joined(String session) {
        if (suspects.remove(session)) {
            onTrial = Optional.of(session);
        }
    }

    void succeeded() {
        onTrial = Optional.empty();
        failedBefore = false;
    }

    /**
     * Takes all turns of a failed step out of the batch.
     *
     * @throws Exception the failure, if it is no turn's own
     */
    void failed(RuntimeException failure, List<Sequence> stepped) throws Exception {
        boolean isFound = onTrial.isPresent();
        if (isFound && failedBefore || hasUnsentTokens(stepped)) {
            throw failure;
        }
        failedBefore = isFound;
        LOG.warn(
                "A step of {} turns failed: {}",
                stepped.size(),
                isFound ? "its newest becomes a dead letter" : "they are tried one by one",
                failure);
        for (Sequence sequence : stepped) {
            takeOut(sequence, failure);
        }
        onTrial = Optional.empty();
    }

    /** Tokens of a step that failed behind the sampler: only a checkpoint has them in order. */
    private static boolean hasUnsentTokens(List<Sequence> stepped) {
        return stepped.stream()
                .anyMatch(
                        sequence ->
                                sequence.finishReason() != null
                                        || LiveTurn.of(sequence) instanceof LiveTurn.Answer turn
                                                && turn.sentTokens()
                                                        != sequence.generated().length);
    }

    private void takeOut(Sequence sequence, RuntimeException failure) throws Exception {
        LiveTurn turn = LiveTurn.of(sequence);
        String session = turn.session();
        boolean isGuilty = onTrial.filter(session::equals).isPresent();
        state.select(session);
        int contextLength = subtask.model().spec().contextLength();
        if (turn instanceof LiveTurn.Answer answer && !isGuilty) {
            state.setTurn(Batch.saved(answer, sequence, contextLength));
        }
        state.forgetCache();
        subtask.generator().cancel(sequence, FinishReason.CANCELLED);
        sequence.cache().close();
        if (isGuilty) {
            reject(turn, failure);
            return;
        }
        if (onTrial.isEmpty()) {
            suspects.add(session);
        }
        Queued queued = state.queues().get(turn.number());
        waiting.line().joinResuming(session, queued.priority(), queued.acceptedMillis());
    }

    private void reject(LiveTurn turn, RuntimeException failure) throws Exception {
        if (turn instanceof LiveTurn.Answer answer) {
            ends.reject(
                    answer.asked(),
                    turn.number(),
                    new BadRequestException(
                            DeadLetterReason.FAILED, "the model failed twice: " + failure));
        } else {
            ends.leave(turn.session(), turn.number());
        }
    }
}
