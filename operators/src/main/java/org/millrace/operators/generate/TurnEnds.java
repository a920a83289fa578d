// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import org.millrace.engine.Model;
import org.millrace.engine.batch.FinishReason;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.model.StreamDecoder;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.state.Queued;
import org.millrace.operators.state.RunningTurn;
import org.millrace.operators.state.SessionStateManager;

/**
 * Ends turns: answers them or sends a dead letter, brings the session up to date in state, takes
 * the request out of its queue. Selects the session itself where it is given one.
 */
final class TurnEnds {
    private final Subtask subtask;
    private final Model model;
    private final SessionStateManager state;
    private final SessionQueues waiting;
    private final Answers answers;
    private final TokenCheck tokens;
    private long ended;

    TurnEnds(Subtask subtask, SessionQueues waiting, Answers answers, TokenCheck tokens) {
        this.subtask = subtask;
        this.model = subtask.model();
        this.state = subtask.state();
        this.waiting = waiting;
        this.answers = answers;
        this.tokens = tokens;
    }

    /** Turns and rests that ended since the start. */
    long ended() {
        return ended;
    }

    /** Refuses what is not in the queue. */
    void reject(Queued.Turn turn, BadRequestException why) {
        answers.deadLetter(turn, why.reason(), why.getMessage(), "");
    }

    /** Answers a turn of the selected session as it was answered before. */
    void repeat(Queued.Turn turn) throws Exception {
        answers.repeat(turn);
    }

    /** Refuses a turn of the selected session's queue. */
    void reject(Queued.Turn turn, long number, BadRequestException why) throws Exception {
        reject(turn, why);
        leave(turn.prompt().session(), number);
    }

    /** Takes a turn or rest of the selected session out of its queue. */
    void leave(String session, long number) throws Exception {
        if (state.queues().queue().head() == number) {
            state.clearTurn();
        }
        waiting.remove(session, number);
        ended++;
    }

    /** Answers a turn that left the batch; its session goes to state, its cache is closed. */
    void finish(Sequence sequence) throws Exception {
        LiveTurn turn = LiveTurn.of(sequence);
        state.select(turn.session());
        if (!sequence.isReviewAhead()) {
            sequence.cache().freeze();
        }
        state.storeCache(sequence.cache());
        if (sequence.finishReason() == FinishReason.NON_FINITE) {
            // Nothing that a broken turn computed is gone on from: the session is as before it.
            state.forgetCache();
        } else {
            subtask.listener().stored(turn.session(), sequence.cache().length());
            state.setSession(state.session().with(sequence.transcript(), model.fingerprint()));
        }
        answer(turn, sequence);
        sequence.cache().close();
        leave(turn.session(), turn.number());
    }

    private void answer(LiveTurn turn, Sequence sequence) throws Exception {
        if (!(turn instanceof LiveTurn.Answer answer)) {
            subtask.metrics().rested();
        } else if (sequence.finishReason() == FinishReason.NON_FINITE) {
            answers.deadLetter(
                    answer.asked(),
                    DeadLetterReason.NON_FINITE,
                    "generatedTokens=" + sequence.generated().length,
                    sequence.text());
        } else {
            answers.completion(
                    answer.asked(),
                    Completions.of(answer, sequence, model.fingerprint(), subtask.nowMillis()));
        }
    }

    /** Answers a turn of the selected session that is not in the batch. */
    void endWaiting(Queued.Turn turn, long number, FinishReason reason) throws Exception {
        boolean isFirst = state.queues().queue().head() == number;
        RunningTurn resumed = isFirst ? state.turn() : null;
        if (resumed == null) {
            answers.completion(
                    turn,
                    Completions.ofUnstarted(
                            turn, reason, model.fingerprint(), subtask.nowMillis()));
        } else {
            try {
                tokens.check(resumed);
            } catch (BadRequestException e) {
                reject(turn, number, e);
                return;
            }
            answerResumed(turn, resumed, reason);
        }
        leave(turn.prompt().session(), number);
    }

    private void answerResumed(Queued.Turn turn, RunningTurn resumed, FinishReason reason)
            throws Exception {
        try (SessionCache cache = subtask.generator().newCache()) {
            Sequence sequence = Sequence.restore(resumed.sequence(), cache, null);
            state.setSession(
                    state.session()
                            .with(
                                    sequence.transcript(state.compactions()),
                                    resumed.modelFingerprint()));
            answers.completion(
                    turn,
                    Completions.ofSaved(
                            turn,
                            sequence,
                            textOf(sequence.generated()),
                            reason,
                            resumed.modelFingerprint()));
        }
    }

    private String textOf(int[] generated) {
        StreamDecoder decoder = model.tokenizer().newStreamDecoder();
        StringBuilder text = new StringBuilder();
        for (int token : generated) {
            text.append(decoder.append(token));
        }
        return text.append(decoder.flush()).toString();
    }
}
