// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Lets one fault after the other fall on a running job and sees it through to its recovery. Not
 * thread safe.
 */
final class Disturbance {
    private static final Duration MOMENT_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration RECOVERY_TIMEOUT = Duration.ofSeconds(300);
    private static final long LATE_COMMIT_MILLIS = 100;

    private final ProcessGroup processes;
    private final ClusterJob job;
    private final Observer observer;
    private final Faults faults;
    private final CheckpointSizes sizes;
    private final Random random;
    private final Consumer<String> progress;
    private final List<KillRecord> records = new ArrayList<>();
    private Recovery previous;

    Disturbance(
            ProcessGroup processes,
            ClusterJob job,
            Observer observer,
            Faults faults,
            CheckpointSizes sizes,
            Random random,
            Consumer<String> progress) {
        this.processes = processes;
        this.job = job;
        this.observer = observer;
        this.faults = faults;
        this.sizes = sizes;
        this.random = random;
        this.progress = progress;
    }

    /** Returns what fell, in its order. */
    List<KillRecord> run(List<KillPlan.Kill> plan) throws Exception {
        for (int i = 0; i < plan.size(); i++) {
            KillPlan.Kill kill = plan.get(i);
            boolean isLast = i + 1 == plan.size();
            boolean interrupted = !isLast && plan.get(i + 1).phase() == Phase.RESTORE;
            KillRecord record = execute(kill);
            records.add(record);
            if (!interrupted) {
                awaitRecovery(record);
            }
            progress.accept(describe(i + 1, plan.size(), kill, record));
        }
        return records;
    }

    private KillRecord execute(KillPlan.Kill kill) throws Exception {
        Moment moment = new Moment(kill.phase(), job, observer, previous, random);
        List<JavaProcess> victims = faults.victims(kill.kind(), job);
        boolean reached = await(kill.phase(), moment);
        if (kill.phase() == Phase.RESTORE) {
            victims = faults.victims(kill.kind(), job);
        }
        faults.strike(kill.kind(), victims);
        long strikeNanos = System.nanoTime();
        observer.readJournal();
        int live = observer.state().live().size();
        Recovery recovery =
                observer.follow(
                        strikeNanos, kill.kind().restartsJob() ? observer.state().opened() : -1);
        boolean hit = reached && moment.wasHit();
        tickFor(LATE_COMMIT_MILLIS);
        if (kill.phase() == Phase.COMMIT) {
            // Now the answers are here that were committed after all.
            hit = hit && moment.wasHit();
        }
        Phase phase = hit ? kill.phase() : Phase.DECODE;
        hold(kill.kind());
        faults.heal(kill.kind(), victims);
        previous = recovery;
        return new KillRecord(kill.kind(), phase, live, recovery);
    }

    /** Whether the moment came in time. */
    private boolean await(Phase phase, Moment moment) throws Exception {
        long deadlineNanos = System.nanoTime() + MOMENT_TIMEOUT.toNanos();
        boolean stopAsked = false;
        while (!moment.isNow()) {
            // First, so that no moment is judged by what was live in the job that stopped.
            goOnIfStopped();
            observer.tick();
            if (phase == Phase.STOP && !stopAsked && moment.isReady()) {
                stopAsked = job.stop();
            }
            if (System.nanoTime() > deadlineNanos) {
                return false;
            }
        }
        return true;
    }

    private void hold(FaultKind kind) throws IOException, InterruptedException {
        long endNanos = System.nanoTime() + faults.durationMillis(kind) * 1_000_000L;
        while (System.nanoTime() < endNanos) {
            faults.hold(kind);
            observer.tick();
        }
    }

    private void tickFor(long millis) throws IOException {
        long endNanos = System.nanoTime() + millis * 1_000_000L;
        do {
            observer.tick();
        } while (System.nanoTime() < endNanos);
    }

    /** All sessions go on, and a checkpoint is complete that began after the fault. */
    private void awaitRecovery(KillRecord record) throws Exception {
        long deadlineNanos = System.nanoTime() + RECOVERY_TIMEOUT.toNanos();
        long before = CheckpointDirectory.read(job.checkpoints()).newest();
        while (!record.recovery().isComplete() || !isCheckpointedSince(before)) {
            observer.tick();
            processes.checkAlive();
            if (goOnIfStopped()) {
                before = -1;
            }
            sizes.poll(job);
            if (System.nanoTime() > deadlineNanos) {
                if (!isCheckpointedSince(before)) {
                    throw new IOException(
                            "no checkpoint is complete "
                                    + RECOVERY_TIMEOUT.toSeconds()
                                    + " s after "
                                    + record.kind()
                                    + " in "
                                    + record.phase());
                }
                // Sessions that do not go on will be missed in the end.
                return;
            }
        }
    }

    private boolean isCheckpointedSince(long before) throws IOException {
        CheckpointDirectory now = CheckpointDirectory.read(job.checkpoints());
        return now.newest() > before + 1 || now.newest() > before && now.complete();
    }

    /** Submits the job again where it was stopped; whether it was. */
    private boolean goOnIfStopped() throws Exception {
        if (!job.isStopRequested() || !job.isFinished()) {
            return false;
        }
        if (job.newSavepoint() == null) {
            throw new IOException("the job stopped without a savepoint: job=" + job.path());
        }
        processes.awaitJobManager();
        job.submit(job.newSavepoint());
        return true;
    }

    private static String describe(int number, int count, KillPlan.Kill kill, KillRecord record) {
        String phase =
                record.phase() == kill.phase()
                        ? record.phase().toString()
                        : record.phase() + " (meant for " + kill.phase() + ")";
        String back =
                record.recovery().isComplete()
                        ? String.format(
                                "next tokens after %.1f to %.1f s",
                                record.recovery().firstSeconds(), record.recovery().lastSeconds())
                        : record.recovery().waiting() + " sessions had no next token yet";
        return String.format(
                "%d of %d: %s in %s, %d live; %s",
                number, count, record.kind(), phase, record.live(), back);
    }
}
