// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.millrace.engine.batch.FinishReason;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.Sequence;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.state.Queued;
import org.millrace.operators.state.SessionStateManager;

/** Brings turns from the line into the batch, while there is room and time. */
final class Admitting {
    /**
     * Time that one round may spend on bringing sessions in from state, or as long as the step
     * before took, if that is more: a large batch does not keep others waiting.
     */
    private static final long ADMISSION_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private final Subtask subtask;
    private final Generator generator;
    private final SessionStateManager state;
    private final SessionQueues waiting;
    private final TurnStarter starter;
    private final Batch batch;
    private final TurnEnds ends;

    /** Who is next, while it waits for room. */
    private Optional<Candidate> candidate = Optional.empty();

    Admitting(
            Subtask subtask,
            SessionQueues waiting,
            TurnStarter starter,
            Batch batch,
            TurnEnds ends) {
        this.subtask = subtask;
        this.generator = subtask.generator();
        this.state = subtask.state();
        this.waiting = waiting;
        this.starter = starter;
        this.batch = batch;
        this.ends = ends;
    }

    /**
     * Brings turns into the batch in the order of the line, until the first that finds no room.
     *
     * @return false if the time for it ended before
     */
    boolean fill() throws Exception {
        long begin = System.nanoTime();
        long limitNanos = Math.max(ADMISSION_NANOS, batch.stepNanos());
        WaitingLine.Place place = waiting.line().first();
        while (place != null && !batch.isOnTrial()) {
            if (System.nanoTime() - begin >= limitNanos) {
                return false;
            }
            if (!advance(place)) {
                return true;
            }
            place = waiting.line().first();
        }
        return true;
    }

    /** Whether the first in line left it. */
    private boolean advance(WaitingLine.Place place) throws Exception {
        state.select(place.session());
        if (candidate.isEmpty() || !candidate.get().place().equals(place)) {
            candidate = prepare(place);
            if (candidate.isEmpty()) {
                return true;
            }
        }
        Candidate next = candidate.get();
        if (next instanceof Candidate.Asked asked && asked.asked().isPast(subtask.nowMillis())) {
            candidate = Optional.empty();
            ends.endWaiting(asked.asked(), asked.number(), FinishReason.DEADLINE);
            return true;
        }
        Optional<Sequence> started = hasRoomFor(next) ? starter.start(next) : Optional.empty();
        if (started.isEmpty()) {
            return false;
        }
        candidate = Optional.empty();
        waiting.line().leave(place.session());
        batch.join(started.get());
        return true;
    }

    private boolean hasRoomFor(Candidate next) throws Exception {
        byte[] header = state.cacheHeader();
        return header == null
                ? generator.hasRoomFor(next.positions())
                : generator.hasRoomFor(header, next.positions());
    }

    /**
     * The session's first turn or rest, made ready; empty if there is nothing to do for it and it
     * left the line.
     */
    private Optional<Candidate> prepare(WaitingLine.Place place) throws Exception {
        long number = state.queues().queue().head();
        Queued queued = state.queues().get(number);
        if (!(queued instanceof Queued.Turn turn)) {
            Optional<Candidate> rest = starter.prepareRest(place, number);
            if (rest.isEmpty()) {
                ends.leave(place.session(), number);
            }
            return rest;
        }
        try {
            return Optional.of(starter.prepare(place, number, turn));
        } catch (BadRequestException e) {
            ends.reject(turn, number, e);
            return Optional.empty();
        }
    }
}
