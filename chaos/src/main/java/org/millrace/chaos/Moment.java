// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;

/**
 * Waits for the middle of a phase, and tells afterwards whether a fault fell in it. One object for
 * one fault. Not thread safe.
 */
final class Moment {
    /** Fewest turns that must be under way when a fault falls. */
    static final int MIN_LIVE = 8;

    /** Some may end between the decision and the fault. */
    private static final int READY_LIVE = MIN_LIVE + 4;

    private final Phase phase;
    private final ClusterJob job;
    private final Observer observer;
    private final long earliestNanos;
    private final long checkpointBefore;
    private final Recovery previous;
    private final int openedBefore;
    private final long stopDelayNanos;
    private CheckpointDirectory directory;
    private long stopNanos;
    private Set<TurnId> watched = Set.of();

    /**
     * @param previous the recovery from the fault before, or null
     */
    Moment(Phase phase, ClusterJob job, Observer observer, Recovery previous, Random random)
            throws IOException {
        this.phase = phase;
        this.job = job;
        this.observer = observer;
        this.previous = previous;
        this.openedBefore = observer.state().opened();
        this.directory = CheckpointDirectory.read(job.checkpoints());
        this.checkpointBefore = directory.newest();
        long pauseMillis = phase == Phase.RESTORE ? 0 : random.nextInt(1000);
        this.earliestNanos = System.nanoTime() + pauseMillis * 1_000_000;
        this.stopDelayNanos = random.nextInt(200) * 1_000_000L;
    }

    /** Whether it may come: enough is under way. */
    boolean isReady() {
        return System.nanoTime() >= earliestNanos && observer.state().live().size() >= READY_LIVE;
    }

    /** Whether it is now. */
    boolean isNow() throws IOException, InterruptedException {
        if (!isReady()) {
            return false;
        }
        return switch (phase) {
            case PREFILL -> isPrefilling();
            case CHECKPOINT -> isCheckpointing();
            case COMMIT -> isCommitting();
            case RESTORE -> job.isRestoring() || observer.state().opened() > openedBefore;
            case STOP -> isStopping();
            case DECODE -> true;
        };
    }

    /** Some time after it began: where in it the fault falls is a matter of chance. */
    private boolean isStopping() throws InterruptedException {
        if (!job.isStopping()) {
            return false;
        }
        if (stopNanos == 0) {
            stopNanos = System.nanoTime() + stopDelayNanos;
        }
        return System.nanoTime() >= stopNanos;
    }

    private boolean isPrefilling() {
        watched = observer.state().prefilling();
        return !watched.isEmpty();
    }

    private boolean isCheckpointing() throws IOException {
        directory = CheckpointDirectory.read(job.checkpoints());
        return directory.newest() > checkpointBefore && !directory.complete();
    }

    /** The time is short: from here on nothing else is done until the checkpoint is complete. */
    private boolean isCommitting() throws IOException {
        if (!isCheckpointing()) {
            return false;
        }
        CheckpointDirectory begun = directory;
        while (!directory.complete() && directory.newest() == begun.newest()) {
            Thread.onSpinWait();
            directory = CheckpointDirectory.read(job.checkpoints());
        }
        observer.readJournal();
        watched = observer.state().endedBefore(begun.newest());
        // Turns have ended meanwhile.
        return directory.complete() && hasUnanswered() && isReady();
    }

    private boolean hasUnanswered() {
        return watched.stream().anyMatch(turn -> !observer.outcome().isAnswered(turn));
    }

    /** Whether a fault that has just fallen fell in the phase. */
    boolean wasHit() throws IOException, InterruptedException {
        return switch (phase) {
            case PREFILL -> {
                Set<TurnId> still = new HashSet<>(watched);
                still.retainAll(observer.state().prefilling());
                yield !still.isEmpty();
            }
            case CHECKPOINT -> {
                CheckpointDirectory now = CheckpointDirectory.read(job.checkpoints());
                yield now.newest() == directory.newest() && !now.complete();
            }
            case COMMIT -> hasUnanswered();
            case RESTORE -> previous != null && !previous.isComplete();
            case STOP -> !job.isFinished();
            case DECODE -> true;
        };
    }
}
