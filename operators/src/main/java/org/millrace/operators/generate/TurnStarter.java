// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.Optional;
import org.millrace.engine.Model;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.batch.Urgency;
import org.millrace.engine.kvcache.CorruptCacheException;
import org.millrace.engine.kvcache.IncompatibleCacheException;
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.GenerationSettings;
import org.millrace.operators.PermanentFailureException;
import org.millrace.operators.state.Queued;
import org.millrace.operators.state.RunningTurn;
import org.millrace.operators.state.SessionRecord;
import org.millrace.operators.state.SessionStateManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes turns of the selected session ready for the batch: new ones from their request, those that
 * ran before a restore from state.
 */
final class TurnStarter {
    private static final Logger LOG = LoggerFactory.getLogger(TurnStarter.class);

    private static final int REST_PRIORITY = -1_000_000;

    private final Subtask subtask;
    private final Model model;
    private final Generator generator;
    private final SessionStateManager state;
    private final Retention idleRetention;
    private final Admission admission;
    private final TokenCheck tokens;
    private long restoredCheckpoint = -1;

    TurnStarter(Subtask subtask, GenerationSettings.Sessions settings, TokenCheck tokens) {
        this.subtask = subtask;
        this.model = subtask.model();
        this.generator = subtask.generator();
        this.state = subtask.state();
        this.idleRetention = Retention.parse(settings.idleRetention());
        this.admission = new Admission(model, generator, settings.retention());
        this.tokens = tokens;
    }

    /** Notes which checkpoint the state is of. */
    void restoredFrom(long checkpointId) {
        restoredCheckpoint = checkpointId;
    }

    /**
     * Makes the session's first turn ready.
     *
     * @throws BadRequestException if it can never run
     */
    Candidate prepare(WaitingLine.Place place, long number, Queued.Turn asked) throws Exception {
        RunningTurn resumed = state.turn();
        if (resumed != null) {
            tokens.checkModel(resumed.modelFingerprint());
            tokens.check(resumed);
            checkPool(resumed);
            return new Candidate.Resumed(place, number, asked, resumed);
        }
        SessionRecord session = state.session();
        tokens.checkModel(session.modelFingerprint());
        tokens.check(session.modelFingerprint(), session.transcript().tokens());
        Admission.Turn fresh = admission.admit(asked.prompt().request(), session);
        return new Candidate.Fresh(place, number, asked, fresh);
    }

    /**
     * Makes a rest of the session ready; empty if there is nothing to compress, or if it would need
     * more than the whole pool.
     */
    Optional<Candidate> prepareRest(WaitingLine.Place place, long number) throws Exception {
        SessionRecord session = state.session();
        tokens.checkModel(session.modelFingerprint());
        Transcript rested = session.transcript().withRest(idleRetention);
        if (rested.equals(session.transcript())
                || !tokens.canTake(session.modelFingerprint(), rested.tokens())) {
            return Optional.empty();
        }
        int positions = Sequence.positionsNeeded(rested, model.spec().contextLength());
        return positions > generator.maxSessionTokens()
                ? Optional.empty()
                : Optional.of(new Candidate.Rest(place, number, positions));
    }

    private void checkPool(RunningTurn resumed) {
        if (resumed.positions() > generator.maxSessionTokens()) {
            throw new PermanentFailureException(
                    "the page pool is too small to go on with a running turn: "
                            + admission.describeShortage(resumed.positions()));
        }
    }

    /**
     * Submits a turn, for which the generator must have room; empty if its cache cannot be used and
     * there is none for a whole one, now.
     */
    Optional<Sequence> start(Candidate candidate) throws Exception {
        SessionCache cache = openCache(candidate.place().session());
        if (cache.length() == 0 && !generator.hasRoomFor(candidate.positions())) {
            cache.close();
            return Optional.empty();
        }
        Sequence sequence = sequence(candidate, cache);
        generator.submit(sequence, urgency(candidate));
        return Optional.of(sequence);
    }

    /** A rest gives way to all that somebody waits for. */
    private Urgency urgency(Candidate candidate) {
        return candidate instanceof Candidate.Asked asked
                ? new Urgency(asked.asked().priority(), asked.asked().acceptedMillis())
                : new Urgency(REST_PRIORITY, subtask.nowMillis());
    }

    private Sequence sequence(Candidate candidate, SessionCache cache) throws Exception {
        if (candidate instanceof Candidate.Fresh fresh) {
            LiveTurn live =
                    new LiveTurn.Answer(fresh.number(), fresh.asked(), model.fingerprint(), 0, 0);
            Admission.Turn turn = fresh.turn();
            return new Sequence(
                    cache, turn.history(), turn.prompt(), turn.params(), turn.retention(), live);
        }
        if (candidate instanceof Candidate.Resumed resumed) {
            RunningTurn turn = resumed.turn();
            LiveTurn live =
                    new LiveTurn.Answer(
                            resumed.number(),
                            resumed.asked(),
                            turn.modelFingerprint(),
                            turn.startedMillis(),
                            turn.firstTokenMillis());
            return Sequence.restore(turn.sequence(), cache, live);
        }
        LiveTurn live = new LiveTurn.Rest(candidate.place().session(), candidate.number());
        return Sequence.rest(cache, state.session().transcript().withRest(idleRetention), live);
    }

    /**
     * The session's cache from state; an empty one, to be computed again, if that cannot be used.
     */
    private SessionCache openCache(String session) throws Exception {
        SavedCache saved = state.cache();
        if (saved == null) {
            return generator.newCache();
        }
        try {
            SessionCache cache = generator.restoreCache(saved, state.slotSource());
            subtask.metrics().restored();
            subtask.listener().restored(session, cache.length(), restoredCheckpoint);
            return cache;
        } catch (CorruptCacheException | IncompatibleCacheException e) {
            LOG.warn(
                    "Cache of session {} is computed again from its tokens: {}",
                    session,
                    e.getMessage());
            subtask.metrics().rebuilt();
            state.forgetCache();
            return generator.newCache();
        }
    }
}
