// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;

/** One step of the cluster check: does what the step says to a job under load. Not thread safe. */
final class StepRun {
    private static final int READY_LIVE = Moment.MIN_LIVE + 4;
    private static final Duration LIVE_TIMEOUT = Duration.ofSeconds(120);
    private static final Duration RECOVERY_TIMEOUT = Duration.ofSeconds(120);

    /** So that a session is somewhere in its turn, not at its beginning. */
    private static final Duration RUN_BETWEEN = Duration.ofSeconds(2);

    private final Cluster cluster;
    private final JobJars jars;
    private final Configuration options;
    private final Observer observer;
    private final Consumer<String> progress;
    private final List<Interruption> interruptions = new ArrayList<>();
    private ClusterJob job;
    private String note = "";

    /**
     * @param options of the job
     * @param observer stays the caller's
     */
    StepRun(
            Cluster cluster,
            JobJars jars,
            Configuration options,
            Observer observer,
            Consumer<String> progress) {
        this.cluster = cluster;
        this.jars = jars;
        this.options = options;
        this.observer = observer;
        this.progress = progress;
    }

    /** Returns when the job has stopped and all that it wrote was read. */
    void run(CheckStep step) throws Exception {
        try {
            switch (step) {
                case TASKMANAGER -> kill(FaultKind.TASKMANAGER);
                case JOBMANAGER -> kill(FaultKind.JOBMANAGER);
                case RESCALE -> rescale();
                case RESTART -> restart();
                case MOVED -> move();
                case UPGRADE -> upgrade();
                case DOWNGRADE -> downgrade();
            }
            observer.end();
            cluster.stop(job);
        } catch (IOException e) {
            if (job != null) {
                cluster.cancel(job);
            }
            throw e;
        } finally {
            observer.drain();
        }
    }

    List<Interruption> interruptions() {
        return interruptions;
    }

    String note() {
        return note;
    }

    private void kill(FaultKind kind) throws Exception {
        start(ProcessGroup.TASK_MANAGERS);
        awaitLive();
        Faults faults = new Faults(cluster.processes(), null, cluster.rest(), new Random(0));
        List<JavaProcess> victims = faults.victims(kind, job);
        faults.strike(kind, victims);
        Recovery recovery = follow("kill -9 of " + victims.get(0).name(), System.nanoTime());
        if (kind == FaultKind.JOBMANAGER) {
            faults.heal(kind, victims);
            awaitRecovery(recovery);
        } else {
            try {
                awaitRecovery(recovery);
            } finally {
                // It was not needed: the other one has slots to spare.
                faults.heal(kind, victims);
            }
        }
        cluster.awaitTaskManagers();
    }

    private void rescale() throws Exception {
        start(1);
        for (int parallelism : new int[] {2, 1}) {
            awaitLive();
            int opened = observer.state().opened();
            job.rescale(parallelism);
            awaitRestart(opened);
            Recovery recovery = observer.follow(observer.lastProgressNanos(), opened);
            noteInterruption("rescaled to " + parallelism, recovery);
            awaitRecovery(recovery);
            awaitParallelism(parallelism);
        }
    }

    /** Subtasks go on until the JobManager has all that it needs for the new ones. */
    private void awaitRestart(int opened) throws Exception {
        long deadlineNanos = System.nanoTime() + RECOVERY_TIMEOUT.toNanos();
        while (observer.state().opened() == opened) {
            tick(deadlineNanos, "the job was not rescaled");
        }
    }

    private void awaitParallelism(int parallelism) throws Exception {
        long deadlineNanos = System.nanoTime() + RECOVERY_TIMEOUT.toNanos();
        while (job.parallelism() != parallelism) {
            tick(deadlineNanos, "parallelism=" + job.parallelism() + ", must be " + parallelism);
        }
    }

    private void restart() throws Exception {
        start(ProcessGroup.TASK_MANAGERS);
        for (int parallelism : new int[] {1, 2, 3}) {
            Interrupted stopped = stop();
            goOn(stopped, jars.current(), parallelism, stopped.savepoint());
            awaitParallelism(parallelism);
        }
    }

    private void move() throws Exception {
        start(ProcessGroup.TASK_MANAGERS);
        Interrupted stopped = stop();
        Path elsewhere = Files.createDirectories(cluster.layout().root().resolve("elsewhere"));
        Path moved = elsewhere.resolve("moved-" + stopped.savepoint().getFileName());
        Files.move(stopped.savepoint(), moved);
        goOn(stopped, jars.current(), ProcessGroup.TASK_MANAGERS, moved);
    }

    private void upgrade() throws Exception {
        start(jars.previous(), ProcessGroup.TASK_MANAGERS);
        Interrupted stopped = stop();
        goOn(stopped, jars.current(), ProcessGroup.TASK_MANAGERS, stopped.savepoint());
    }

    private void downgrade() throws Exception {
        start(ProcessGroup.TASK_MANAGERS);
        Interrupted stopped = stop();
        ClusterJob previous = newJob(jars.previous(), ProcessGroup.TASK_MANAGERS);
        note = refusal(previous, stopped);
        progress.accept("  the earlier release: " + note);
        goOn(stopped, jars.current(), ProcessGroup.TASK_MANAGERS, stopped.savepoint());
    }

    /** What the earlier release says to a savepoint of this build. */
    private String refusal(ClusterJob previous, Interrupted stopped) throws Exception {
        try {
            previous.submit(stopped.savepoint());
        } catch (IOException e) {
            return e.getMessage();
        }
        Recovery recovery = observer.follow(stopped.nanos(), stopped.opened());
        long deadlineNanos = System.nanoTime() + RECOVERY_TIMEOUT.toNanos();
        try {
            while (previous.failure().isEmpty()) {
                observer.tick();
                if (recovery.isComplete()) {
                    throw new IOException("the earlier release takes a savepoint of this build");
                }
                if (System.nanoTime() > deadlineNanos) {
                    throw new IOException("the earlier release neither runs nor fails");
                }
            }
            return previous.failure().orElseThrow();
        } finally {
            cluster.cancel(previous);
        }
    }

    private void start(int parallelism) throws Exception {
        start(jars.current(), parallelism);
    }

    private void start(Submission jar, int parallelism) throws Exception {
        job = newJob(jar, parallelism);
        job.submit();
    }

    private ClusterJob newJob(Submission jar, int parallelism) {
        Configuration config = new Configuration(options);
        config.set(CoreOptions.DEFAULT_PARALLELISM, parallelism);
        return cluster.job(jar, config);
    }

    /** A job that was stopped, and what was under way. */
    private record Interrupted(Path savepoint, long nanos, int opened) {}

    private Interrupted stop() throws Exception {
        awaitLive();
        cluster.stop(job);
        observer.readJournal();
        Path savepoint = job.newSavepoint();
        if (savepoint == null) {
            throw new IOException("the job stopped without a savepoint: job=" + job.path());
        }
        job = null;
        observer.tick();
        return new Interrupted(savepoint, observer.lastProgressNanos(), observer.state().opened());
    }

    private void goOn(Interrupted stopped, Submission jar, int parallelism, Path savepoint)
            throws Exception {
        Recovery recovery = observer.follow(stopped.nanos(), observer.state().opened());
        noteInterruption("stopped, started at " + parallelism, recovery);
        ClusterJob next = newJob(jar, parallelism);
        next.submit(savepoint);
        job = next;
        awaitRecovery(recovery);
    }

    private Recovery follow(String what, long nanos) throws IOException {
        observer.readJournal();
        Recovery recovery = observer.follow(nanos, observer.state().opened());
        noteInterruption(what, recovery);
        return recovery;
    }

    private void noteInterruption(String what, Recovery recovery) {
        interruptions.add(new Interruption(what, observer.state().live().size(), recovery));
    }

    private void awaitLive() throws Exception {
        long deadlineNanos = System.nanoTime() + LIVE_TIMEOUT.toNanos();
        long earliestNanos = System.nanoTime() + RUN_BETWEEN.toNanos();
        while (observer.state().live().size() < READY_LIVE || System.nanoTime() < earliestNanos) {
            tick(deadlineNanos, "only " + observer.state().live().size() + " turns are under way");
        }
    }

    private void awaitRecovery(Recovery recovery) throws Exception {
        long deadlineNanos = System.nanoTime() + RECOVERY_TIMEOUT.toNanos();
        while (!recovery.isComplete()) {
            tick(deadlineNanos, recovery.waiting() + " sessions have no next token");
        }
        Interruption last = interruptions.get(interruptions.size() - 1);
        progress.accept(
                String.format(
                        "  %s, %d live; next tokens after %.1f to %.1f s",
                        last.what(), last.live(), recovery.firstSeconds(), recovery.lastSeconds()));
    }

    private void tick(long deadlineNanos, String otherwise) throws Exception {
        observer.tick();
        if (System.nanoTime() > deadlineNanos) {
            throw new IOException(
                    otherwise + job.failure().map(line -> "; the job: " + line).orElse(""));
        }
    }
}
