// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.millrace.engine.batch.FinishReason;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.StepResult;
import org.millrace.operators.GenerationListener;
import org.millrace.operators.state.RunningTurn;
import org.millrace.operators.state.SessionStateManager;

/**
 * The turns that run, one of a session, and their caches. Memory holds nothing else: sessions
 * between turns are in state alone.
 */
final class Batch {
    private final Subtask subtask;
    private final Generator generator;
    private final SessionStateManager state;
    private final GenerationListener listener;
    private final Answers answers;
    private final TurnEnds ends;
    private final StepFailures failures;
    private final Map<String, Sequence> live = new LinkedHashMap<>();

    /** How long the last step of the model took. */
    private long stepNanos;

    Batch(Subtask subtask, Answers answers, TurnEnds ends, StepFailures failures) {
        this.subtask = subtask;
        this.generator = subtask.generator();
        this.state = subtask.state();
        this.listener = subtask.listener();
        this.answers = answers;
        this.ends = ends;
        this.failures = failures;
    }

    int size() {
        return live.size();
    }

    boolean isEmpty() {
        return live.isEmpty();
    }

    long stepNanos() {
        return stepNanos;
    }

    /** Whether the turn of this number is in the batch. */
    boolean runs(String session, long number) {
        Sequence sequence = live.get(session);
        return sequence != null && LiveTurn.of(sequence).number() == number;
    }

    /** Whether the newest turn is to be tried by itself before others come in. */
    boolean isOnTrial() {
        return failures.isOnTrial();
    }

    /** Takes in a turn that was submitted to the generator. */
    void join(Sequence sequence) {
        LiveTurn turn = LiveTurn.of(sequence);
        if (turn instanceof LiveTurn.Answer answer) {
            answer.joined(sequence.generated().length);
        }
        live.put(turn.session(), sequence);
        failures.joined(turn.session());
    }

    /** Ends turns whose deadline is over. */
    void endOverdue(long nowMillis) throws Exception {
        for (Sequence sequence : List.copyOf(live.values())) {
            LiveTurn turn = LiveTurn.of(sequence);
            if (turn.isPast(nowMillis)) {
                end(turn.session(), FinishReason.DEADLINE);
            }
        }
    }

    /** Ends the session's turn before it ends by itself. */
    void end(String session, FinishReason reason) throws Exception {
        Sequence sequence = live.remove(session);
        generator.cancel(sequence, reason);
        ends.finish(sequence);
    }

    /** Runs the model once, and sends off what came of it. */
    void step() throws Exception {
        List<Sequence> stepped = new ArrayList<>(live.values());
        int[] from = stepped.stream().mapToInt(Sequence::nextPosition).toArray();
        StepResult result;
        long beginMillis = subtask.nowMillis();
        long begin = System.nanoTime();
        try {
            for (Sequence sequence : stepped) {
                LiveTurn turn = LiveTurn.of(sequence);
                listener.stepping(turn.session(), turn.requestId());
            }
            result = generator.step();
        } catch (RuntimeException e) {
            failures.failed(e, stepped);
            live.clear();
            return;
        }
        failures.succeeded();
        stepNanos = System.nanoTime() - begin;
        subtask.metrics()
                .stepped(stepped.size(), result.prefillTokens(), result.tokens().size(), stepNanos);
        subtask.metrics().compressed(result);
        for (int i = 0; i < from.length; i++) {
            Sequence sequence = stepped.get(i);
            LiveTurn turn = LiveTurn.of(sequence);
            listener.computed(
                    turn.session(),
                    turn.requestId(),
                    from[i],
                    sequence.nextPosition(),
                    sequence.promptEnd());
            storeGrown(sequence, turn);
        }
        for (Sequence sequence : result.started()) {
            if (LiveTurn.of(sequence) instanceof LiveTurn.Answer turn) {
                turn.started(beginMillis);
            }
        }
        send(result.tokens());
        for (Sequence sequence : result.finished()) {
            live.remove(LiveTurn.of(sequence).session());
            ends.finish(sequence);
        }
    }

    /**
     * Slots go to state as the cache grows, so that a barrier finds little left to do; not before
     * they are compressed.
     */
    private void storeGrown(Sequence sequence, LiveTurn turn) {
        if (sequence.isCompactionAhead()) {
            return;
        }
        state.select(turn.session());
        sequence.cache().storeGrown(state.slotSink());
    }

    private void send(List<StepResult.Token> tokens) {
        long nowMillis = subtask.nowMillis();
        long nowNanos = System.nanoTime();
        for (StepResult.Token token : tokens) {
            if (LiveTurn.of(token.sequence()) instanceof LiveTurn.Answer turn) {
                answers.token(turn.asked(), token);
                turn.tokenGenerated(nowMillis, nowNanos, subtask.metrics());
            }
        }
    }

    /**
     * Writes what state lacks of the turns. A rest is begun again after a restore. Called before
     * the backend's own snapshot.
     */
    void snapshot(long checkpointId) throws Exception {
        int contextLength = subtask.model().spec().contextLength();
        for (Sequence sequence : live.values()) {
            if (LiveTurn.of(sequence) instanceof LiveTurn.Answer turn) {
                state.select(turn.session());
                state.storeCache(sequence.cache());
                state.setTurn(saved(turn, sequence, contextLength));
                listener.snapshot(turn.session(), sequence.cache().length(), checkpointId);
            }
        }
        listener.checkpointed(checkpointId);
    }

    /** A turn as it stands. */
    static RunningTurn saved(LiveTurn.Answer turn, Sequence sequence, int contextLength) {
        return new RunningTurn(
                sequence.save(),
                sequence.positionsNeeded(contextLength),
                turn.firstFingerprint(),
                turn.startedMillis(),
                turn.firstTokenMillis());
    }
}
