// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.millrace.engine.Model;
import org.millrace.engine.batch.FinishReason;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.StepResult;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.model.StreamDecoder;
import org.millrace.operators.decode.BadRequestException;
import org.millrace.operators.state.RunningTurn;
import org.millrace.operators.state.SessionStateManager;
import org.millrace.operators.state.SessionWork;

/**
 * Takes requests in and generates: one {@link #step} ends what is overdue, fills the batch from the
 * line, runs the model once, and sends off what came of it. Turns of one session run one after the
 * other, sessions side by side.
 *
 * <p>Memory holds the turns in the batch and their caches, nothing else; sessions between turns are
 * in state alone. Runs on the task's mailbox thread. The operator closes what it was given.
 */
final class StepLoop {
    /**
     * Time that one round may spend on bringing sessions in from state, or as long as the step
     * before took, if that is more: a large batch does not keep others waiting.
     */
    private static final long ADMISSION_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private final Model model;
    private final Generator generator;
    private final SessionStateManager state;
    private final SessionQueues queues;
    private final Answers answers;
    private final GenerationMetrics metrics;
    private final Journal journal;
    private final GenerationOptions options;
    private final LongSupplier clockMillis;
    private final TurnStarter starter;
    private final Map<String, Sequence> live = new LinkedHashMap<>();
    private Candidate candidate;
    private long finishedTurns;

    /** How long the last step of the model took. */
    private long stepNanos;

    StepLoop(
            Model model,
            Generator generator,
            SessionStateManager state,
            SessionAges ages,
            Answers answers,
            GenerationMetrics metrics,
            Journal journal,
            GenerationOptions options,
            LongSupplier clockMillis) {
        this.model = model;
        this.generator = generator;
        this.state = state;
        this.answers = answers;
        this.metrics = metrics;
        this.journal = journal;
        this.options = options;
        this.clockMillis = clockMillis;
        this.queues = new SessionQueues(state, ages, clockMillis);
        this.starter =
                new TurnStarter(model, generator, state, metrics, journal, options, clockMillis);
        metrics.watch(live::size, this::queuedRequests);
        metrics.watchPool(generator::usedBytes, generator.poolBytes());
    }

    /** Whether a step would find something to do. */
    boolean hasWork() {
        return !live.isEmpty() || !queues.line().isEmpty();
    }

    /** Whether more requests wait than should. */
    boolean isOverloaded() {
        return queuedRequests() > options.maxQueuedRequests();
    }

    /** Turns that ended since the start. */
    long finishedTurns() {
        return finishedTurns;
    }

    private int queuedRequests() {
        return queues.requests() - live.size();
    }

    /** Takes in a record of the selected session. */
    void accept(PromptEnvelope envelope) throws Exception {
        switch (envelope.request().getKind()) {
            case GENERATE -> offer(envelope);
            case CANCEL -> cancel(envelope);
            case END_SESSION -> queues.endSession(envelope.sessionId());
            default ->
                    answers.deadLetter(
                            envelope,
                            DeadLetterReason.UNKNOWN_KIND,
                            "kind=" + envelope.request().getKind(),
                            "");
        }
    }

    private void offer(PromptEnvelope envelope) throws Exception {
        switch (queues.offer(envelope)) {
            case QUEUED -> {}
            case ANSWERED -> answers.repeat(envelope);
            case UNANSWERED -> metrics.ignoredRepeat();
        }
    }

    private void cancel(PromptEnvelope cancel) throws Exception {
        SessionWork.Entry entry = state.work().find(cancel.requestId());
        if (entry == null) {
            return;
        }
        Sequence sequence = live.get(cancel.sessionId());
        if (sequence != null && turn(sequence).entry().equals(entry)) {
            endLive(sequence, FinishReason.CANCELLED);
        } else {
            cancelWaiting(state.request(entry), entry);
        }
    }

    private void cancelWaiting(PromptEnvelope envelope, SessionWork.Entry entry) throws Exception {
        RunningTurn resumed = state.work().first().equals(entry) ? state.turn() : null;
        try {
            if (resumed != null) {
                starter.checkTokens(resumed);
            }
        } catch (BadRequestException e) {
            refuse(envelope, entry, e);
            return;
        }
        endWaiting(envelope, entry, resumed, FinishReason.CANCELLED);
    }

    private void refuse(PromptEnvelope envelope, SessionWork.Entry entry, BadRequestException why)
            throws Exception {
        answers.deadLetter(envelope, why.reason(), why.getMessage(), "");
        endTurn(envelope.sessionId(), entry);
    }

    /** Takes in that the selected session is idle. */
    void rest(String sessionId) throws Exception {
        queues.rest(sessionId);
    }

    /**
     * One round. After a restore the model waits until the sessions that ran are back in the batch:
     * a step with a few of them takes nearly as long as one with all. Rounds stay short meanwhile,
     * so that barriers get through.
     */
    void step() throws Exception {
        endOverdue(clockMillis.getAsLong());
        boolean isFilled = fillBatch();
        if (live.isEmpty() || !isFilled && queues.line().first().resumes()) {
            return;
        }
        List<Sequence> batch = new ArrayList<>(live.values());
        int[] from = batch.stream().mapToInt(Sequence::nextPosition).toArray();
        long begin = System.nanoTime();
        StepResult result = generator.step();
        stepNanos = System.nanoTime() - begin;
        metrics.stepped(batch.size(), result.prefillTokens(), result.tokens().size(), stepNanos);
        metrics.compressed(result);
        for (int i = 0; i < from.length; i++) {
            Sequence sequence = batch.get(i);
            journal.computed(
                    turn(sequence), from[i], sequence.nextPosition(), sequence.promptEnd());
            storeGrown(sequence);
        }
        send(result.tokens());
        for (Sequence sequence : result.finished()) {
            finish(sequence);
        }
    }

    private static LiveTurn turn(Sequence sequence) {
        return (LiveTurn) sequence.attachment();
    }

    /**
     * Slots go to state as the cache grows, so that a barrier finds little left to do; not before
     * they are compressed.
     */
    private void storeGrown(Sequence sequence) {
        if (sequence.isCompactionAhead()) {
            return;
        }
        state.select(turn(sequence).sessionId());
        sequence.cache().storeGrown(state.slotSink());
    }

    private void send(List<StepResult.Token> tokens) {
        long nowMillis = clockMillis.getAsLong();
        long nowNanos = System.nanoTime();
        for (StepResult.Token token : tokens) {
            LiveTurn turn = turn(token.sequence());
            answers.token(turn.envelope(), token);
            if (token.index() == 0) {
                metrics.firstToken(nowMillis - turn.entry().acceptedMillis());
            }
            long gapNanos = turn.tokenGenerated(nowMillis, nowNanos);
            if (gapNanos >= 0) {
                metrics.tokenGap(gapNanos);
            }
        }
    }

    private void endOverdue(long nowMillis) throws Exception {
        for (Sequence sequence : List.copyOf(live.values())) {
            if (turn(sequence).isPast(nowMillis)) {
                endLive(sequence, FinishReason.DEADLINE);
            }
        }
    }

    private void endLive(Sequence sequence, FinishReason reason) throws Exception {
        generator.cancel(sequence, reason);
        finish(sequence);
    }

    /** Answers a turn that left the batch; its session goes to state. */
    private void finish(Sequence sequence) throws Exception {
        LiveTurn turn = turn(sequence);
        String sessionId = turn.sessionId();
        state.select(sessionId);
        live.remove(sessionId);
        if (!sequence.isReviewAhead()) {
            sequence.cache().freeze();
        }
        state.storeCache(sequence.cache());
        if (sequence.finishReason() == FinishReason.NON_FINITE) {
            // Nothing that a broken turn computed is gone on from: the session is as before it.
            state.forgetCache();
        } else {
            journal.stored(sessionId, sequence.cache().length());
            state.setSession(state.session().with(sequence.transcript(), model.fingerprint()));
        }
        answer(turn, sequence);
        sequence.cache().close();
        endTurn(sessionId, turn.entry());
    }

    private void answer(LiveTurn turn, Sequence sequence) throws Exception {
        if (turn.envelope() == null) {
            metrics.rested();
        } else if (sequence.finishReason() == FinishReason.NON_FINITE) {
            answers.deadLetter(
                    turn.envelope(),
                    DeadLetterReason.NON_FINITE,
                    "generatedTokens=" + sequence.generated().length,
                    sequence.text());
        } else {
            answers.completion(
                    turn.envelope(),
                    Completions.of(turn, sequence, model.fingerprint(), clockMillis.getAsLong()));
        }
    }

    private void endTurn(String sessionId, SessionWork.Entry entry) throws Exception {
        if (state.work().first().equals(entry)) {
            state.clearTurn();
        }
        queues.remove(sessionId, entry);
        finishedTurns++;
    }

    /**
     * Answers a turn that is not in the batch; {@code resumed} is what it did before a restore, or
     * null.
     */
    private void endWaiting(
            PromptEnvelope envelope,
            SessionWork.Entry entry,
            RunningTurn resumed,
            FinishReason reason)
            throws Exception {
        if (resumed == null) {
            answers.completion(
                    envelope,
                    Completions.ofUnstarted(
                            envelope, entry, reason, model.fingerprint(), clockMillis.getAsLong()));
        } else {
            try (SessionCache cache = generator.newCache()) {
                Sequence sequence = Sequence.restore(resumed.sequence(), cache, null);
                state.setSession(
                        state.session()
                                .with(
                                        sequence.transcript(state.compactions()),
                                        resumed.modelFingerprint()));
                answers.completion(
                        envelope,
                        Completions.ofSaved(
                                envelope,
                                sequence,
                                textOf(sequence.generated()),
                                reason,
                                resumed.modelFingerprint()));
            }
        }
        endTurn(envelope.sessionId(), entry);
    }

    private String textOf(int[] tokens) {
        StreamDecoder decoder = model.tokenizer().newStreamDecoder();
        StringBuilder text = new StringBuilder();
        for (int token : tokens) {
            text.append(decoder.append(token));
        }
        return text.append(decoder.flush()).toString();
    }

    /**
     * Brings requests into the batch in the order of the line, until the first that finds no room.
     *
     * @return false if the time for it ended before
     */
    private boolean fillBatch() throws Exception {
        long begin = System.nanoTime();
        long limitNanos = Math.max(ADMISSION_NANOS, stepNanos);
        WaitingLine.Place place = queues.line().first();
        while (place != null) {
            if (System.nanoTime() - begin >= limitNanos) {
                return false;
            }
            if (!advance(place)) {
                return true;
            }
            place = queues.line().first();
        }
        return true;
    }

    /** Whether the first in line left it. */
    private boolean advance(WaitingLine.Place place) throws Exception {
        state.select(place.sessionId());
        if (candidate == null || !candidate.place().equals(place)) {
            candidate = prepare(place);
            if (candidate == null) {
                return true;
            }
        }
        Candidate next = candidate;
        if (next.envelope() != null && LiveTurn.isPast(next.envelope(), clockMillis.getAsLong())) {
            candidate = null;
            endWaiting(next.envelope(), next.entry(), next.resumed(), FinishReason.DEADLINE);
            return true;
        }
        Sequence started = hasRoomFor(next) ? starter.start(next) : null;
        if (started == null) {
            return false;
        }
        candidate = null;
        queues.line().leave(place.sessionId());
        live.put(place.sessionId(), started);
        return true;
    }

    private boolean hasRoomFor(Candidate next) throws Exception {
        byte[] header = state.cacheHeader();
        return header == null
                ? generator.hasRoomFor(next.positions())
                : generator.hasRoomFor(header, next.positions());
    }

    /**
     * The session's first request or rest, made ready; null if there is nothing to do for it and it
     * left the line.
     */
    private Candidate prepare(WaitingLine.Place place) throws Exception {
        SessionWork.Entry entry = state.work().first();
        if (entry.kind() == SessionWork.Kind.REST) {
            Candidate rest = starter.prepareRest(place, entry);
            if (rest == null) {
                endTurn(place.sessionId(), entry);
            }
            return rest;
        }
        PromptEnvelope envelope = state.request(entry);
        try {
            return starter.prepare(place, entry, envelope);
        } catch (BadRequestException e) {
            refuse(envelope, entry, e);
            return null;
        }
    }

    /**
     * Writes what state lacks of the turns in the batch. A rest is begun again after a restore.
     * Called before the backend's own snapshot.
     */
    void snapshot(long checkpointId) throws Exception {
        for (Sequence sequence : live.values()) {
            LiveTurn turn = turn(sequence);
            if (turn.envelope() == null) {
                continue;
            }
            state.select(turn.sessionId());
            state.storeCache(sequence.cache());
            state.setTurn(
                    new RunningTurn(
                            sequence.save(),
                            sequence.positionsNeeded(model.config().contextLength()),
                            turn.firstFingerprint(),
                            turn.startedMillis(),
                            turn.firstTokenMillis()));
            journal.snapshot(turn.sessionId(), sequence.cache().length(), checkpointId);
        }
        journal.checkpointed(checkpointId);
    }

    /**
     * Lines up the sessions with unanswered requests in state.
     *
     * @param checkpointId checkpoint that the state is of, or -1
     */
    void restore(long checkpointId) throws Exception {
        starter.restoredFrom(checkpointId);
        journal.opened(checkpointId);
        queues.restore();
    }
}
