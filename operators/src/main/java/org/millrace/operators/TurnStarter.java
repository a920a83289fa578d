// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.util.Arrays;
import java.util.function.LongSupplier;
import org.millrace.engine.Model;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.CorruptCacheException;
import org.millrace.engine.kvcache.IncompatibleCacheException;
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.operators.decode.BadRequestException;
import org.millrace.operators.state.RunningTurn;
import org.millrace.operators.state.SessionRecord;
import org.millrace.operators.state.SessionStateManager;
import org.millrace.operators.state.SessionWork;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings turns into the batch: new ones from their request, those that ran before a restore from
 * state.
 */
final class TurnStarter {
    private static final Logger LOG = LoggerFactory.getLogger(TurnStarter.class);

    private final Model model;
    private final Generator generator;
    private final SessionStateManager state;
    private final GenerationMetrics metrics;
    private final Journal journal;
    private final LongSupplier clockMillis;
    private final boolean allowModelChange;
    private final Retention idleRetention;
    private final Admission admission;
    private long restoredCheckpoint = -1;

    TurnStarter(
            Model model,
            Generator generator,
            SessionStateManager state,
            GenerationMetrics metrics,
            Journal journal,
            GenerationOptions options,
            LongSupplier clockMillis) {
        this.model = model;
        this.generator = generator;
        this.state = state;
        this.metrics = metrics;
        this.journal = journal;
        this.clockMillis = clockMillis;
        this.allowModelChange = options.allowModelChange();
        this.idleRetention = Retention.parse(options.idleRetention());
        this.admission = new Admission(model, generator, options.retention());
    }

    /** Notes which checkpoint the state is of. */
    void restoredFrom(long checkpointId) {
        restoredCheckpoint = checkpointId;
    }

    /**
     * Makes the selected session's first request ready.
     *
     * @throws BadRequestException if it can never run
     * @throws ModelChangedException if its session is of other weights and may not go on with these
     */
    Candidate prepare(WaitingLine.Place place, SessionWork.Entry entry, PromptEnvelope envelope)
            throws Exception {
        RunningTurn resumed = state.turn();
        if (resumed != null) {
            checkModel(resumed.modelFingerprint());
            checkTokens(resumed);
            checkPool(resumed);
            return new Candidate(place, entry, envelope, resumed.positions(), null, resumed);
        }
        SessionRecord session = state.session();
        checkModel(session.modelFingerprint());
        checkTokens(session.modelFingerprint(), session.transcript().tokens());
        Admission.Turn fresh = admission.admit(envelope.request(), session);
        return new Candidate(place, entry, envelope, fresh.positions(), fresh, null);
    }

    /**
     * Makes a rest of the selected session ready; null if it has nothing to compress, or would need
     * more than the whole pool.
     */
    Candidate prepareRest(WaitingLine.Place place, SessionWork.Entry entry) throws Exception {
        SessionRecord session = state.session();
        checkModel(session.modelFingerprint());
        Transcript rested = session.transcript().withRest(idleRetention);
        if (rested.equals(session.transcript())
                || !canTake(session.modelFingerprint(), rested.tokens())) {
            return null;
        }
        int positions = Sequence.positionsNeeded(rested, model.config().contextLength());
        return positions > generator.maxSessionTokens()
                ? null
                : new Candidate(place, entry, null, positions, null, null);
    }

    private void checkModel(String fingerprint) {
        if (!fingerprint.isEmpty()
                && !fingerprint.equals(model.fingerprint())
                && !allowModelChange) {
            throw new ModelChangedException(fingerprint, model.fingerprint());
        }
    }

    /**
     * Checks that the model knows all tokens of a turn that ran before a restore.
     *
     * @throws BadRequestException if it does not
     */
    void checkTokens(RunningTurn resumed) throws BadRequestException {
        if (!resumed.modelFingerprint().equals(model.fingerprint())) {
            checkTokens(resumed.modelFingerprint(), Sequence.savedTokens(resumed.sequence()));
        }
    }

    private void checkTokens(String fingerprint, int[] tokens) throws BadRequestException {
        if (!canTake(fingerprint, tokens)) {
            throw new BadRequestException(
                    DeadLetterReason.OTHER_MODEL,
                    String.format(
                            "sessionTokens=%d with largest token=%d of model %s, must be below contextLength=%d and"
                                    + " vocabSize=%d; end the session and begin it anew",
                            tokens.length,
                            Arrays.stream(tokens).max().orElse(0),
                            fingerprint,
                            model.config().contextLength(),
                            model.config().vocabSize()));
        }
    }

    /** Whether the model can compute a session of a model, which may be a larger one. */
    private boolean canTake(String fingerprint, int[] tokens) {
        return fingerprint.equals(model.fingerprint())
                || tokens.length < model.config().contextLength()
                        && Arrays.stream(tokens).allMatch(id -> id < model.config().vocabSize());
    }

    private void checkPool(RunningTurn resumed) {
        if (resumed.positions() > generator.maxSessionTokens()) {
            throw new IllegalStateException(
                    "the page pool is too small to go on with a running turn: "
                            + admission.describeShortage(resumed.positions()));
        }
    }

    /**
     * Submits a turn of the selected session, for which the generator must have room; null if its
     * cache cannot be used and there is none for a whole one, now.
     */
    Sequence start(Candidate candidate) throws Exception {
        SessionCache cache = openCache(candidate.place().sessionId());
        if (cache.length() == 0 && !generator.hasRoomFor(candidate.positions())) {
            cache.close();
            return null;
        }
        Sequence sequence;
        if (candidate.resumed() != null) {
            sequence = resume(candidate, cache);
        } else if (candidate.fresh() != null) {
            sequence = begin(candidate, cache);
        } else {
            sequence = rest(candidate, cache);
        }
        generator.submit(sequence);
        return sequence;
    }

    private Sequence rest(Candidate candidate, SessionCache cache) throws Exception {
        LiveTurn turn = LiveTurn.rest(candidate.place().sessionId(), candidate.entry());
        return Sequence.rest(cache, state.session().transcript().withRest(idleRetention), turn);
    }

    private Sequence begin(Candidate candidate, SessionCache cache) {
        LiveTurn turn =
                new LiveTurn(
                        candidate.envelope(),
                        candidate.entry(),
                        model.fingerprint(),
                        clockMillis.getAsLong(),
                        0);
        Admission.Turn fresh = candidate.fresh();
        return new Sequence(
                cache, fresh.history(), fresh.prompt(), fresh.params(), fresh.retention(), turn);
    }

    private static Sequence resume(Candidate candidate, SessionCache cache) {
        RunningTurn resumed = candidate.resumed();
        LiveTurn turn =
                new LiveTurn(
                        candidate.envelope(),
                        candidate.entry(),
                        resumed.modelFingerprint(),
                        resumed.startedMillis(),
                        resumed.firstTokenMillis());
        return Sequence.restore(resumed.sequence(), cache, turn);
    }

    /**
     * The session's cache from state; an empty one, to be computed again, if that cannot be used.
     */
    private SessionCache openCache(String sessionId) throws Exception {
        SavedCache saved = state.cache();
        if (saved == null) {
            return generator.newCache();
        }
        try {
            SessionCache cache = generator.restoreCache(saved, state.slotSource(saved));
            if (SavedCache.isPaged(saved.header())) {
                state.replaceCache(cache);
            }
            metrics.restored();
            journal.restored(sessionId, cache.length(), restoredCheckpoint);
            return cache;
        } catch (CorruptCacheException | IncompatibleCacheException e) {
            LOG.warn(
                    "Cache of session {} is computed again from its tokens: {}",
                    sessionId,
                    e.getMessage());
            metrics.rebuilt();
            state.forgetCache();
            return generator.newCache();
        }
    }
}
