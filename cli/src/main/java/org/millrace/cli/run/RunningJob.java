// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.checkpoint.AbstractCheckpointStats;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStats;
import org.apache.flink.runtime.execution.ExecutionState;
import org.apache.flink.runtime.executiongraph.AccessExecutionGraph;
import org.apache.flink.runtime.executiongraph.AccessExecutionVertex;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.millrace.jobs.FlinkPaths;

/** A job of a {@link LocalCluster}, which it does not outlive. */
public final class RunningJob {
    /**
     * A completed checkpoint.
     *
     * @param bytes written for it
     * @param stateBytes that a restore reads
     * @param millis from its trigger to the last acknowledgement
     * @param stallMillis longest time that a subtask stood still for it
     * @param path to restore it from
     */
    public record Checkpoint(
            long id, long bytes, long stateBytes, long millis, long stallMillis, String path) {}

    private final MiniCluster cluster;
    private final JobID job;
    private final CompletableFuture<JobResult> result;
    private final WorkDirectory directory;

    RunningJob(MiniCluster cluster, JobID job, WorkDirectory directory) {
        this.cluster = cluster;
        this.job = job;
        this.result = cluster.requestJobResult(job);
        this.directory = directory;
    }

    public boolean isRunning() {
        return !result.isDone();
    }

    /** Waits until every subtask runs, with its state restored and its model loaded. */
    public void awaitRunning() throws Exception {
        awaitRunning(() -> false);
    }

    /** The same, until {@code givenUp}; false if that came first. */
    boolean awaitRunning(BooleanSupplier givenUp) throws Exception {
        while (!allSubtasksRun()) {
            if (givenUp.getAsBoolean()) {
                return false;
            }
            checkRunning();
            Thread.sleep(50);
        }
        return true;
    }

    /**
     * How long the slowest running subtask took from its deployment until it ran: its state was
     * read, its model opened.
     */
    public Duration initialization() throws Exception {
        long millis = 0;
        for (AccessExecutionVertex subtask :
                cluster.getExecutionGraph(job).get().getAllExecutionVertices()) {
            long begin = subtask.getStateTimestamp(ExecutionState.INITIALIZING);
            millis = Math.max(millis, subtask.getStateTimestamp(ExecutionState.RUNNING) - begin);
        }
        return Duration.ofMillis(millis);
    }

    private boolean allSubtasksRun() throws Exception {
        AccessExecutionGraph graph = cluster.getExecutionGraph(job).get();
        // Without subtasks while its master starts.
        if (graph.getState() != JobStatus.RUNNING) {
            return false;
        }
        for (AccessExecutionVertex subtask : graph.getAllExecutionVertices()) {
            if (subtask.getExecutionState() != ExecutionState.RUNNING) {
                return false;
            }
        }
        return true;
    }

    /**
     * Does nothing while the job runs and its disk has room.
     *
     * @throws IOException with its cause if it has ended, or naming the work directory
     */
    public void checkRunning() throws Exception {
        directory.checkSpace();
        if (isRunning()) {
            return;
        }
        Throwable cause =
                result.get()
                        .getSerializedThrowable()
                        .map(failure -> failure.deserializeError(getClass().getClassLoader()))
                        .orElse(null);
        throw new IOException("the job ended: " + rootMessage(cause), cause);
    }

    private static String rootMessage(Throwable failure) {
        Throwable root = failure;
        while (root != null && root.getCause() != null) {
            root = root.getCause();
        }
        return root == null ? "no failure was reported" : root.toString();
    }

    /** Stops the job with a savepoint, sessions and all; returns the savepoint's path. */
    public String stop() throws Exception {
        try {
            String path =
                    cluster.stopWithSavepoint(
                                    job,
                                    FlinkPaths.of(directory.savepoints()),
                                    false,
                                    SavepointFormatType.CANONICAL)
                            .get();
            result.get();
            return path;
        } catch (ExecutionException e) {
            throw new IOException("cannot stop with a savepoint: " + rootMessage(e), e);
        }
    }

    /**
     * Ends the job at once, as a failure would: nothing is saved after the last completed
     * checkpoint.
     */
    public void cancel() throws Exception {
        cluster.cancelJob(job).get();
        result.get();
    }

    /** Completed checkpoints in their order, without savepoints. */
    public List<Checkpoint> checkpoints() throws Exception {
        List<Checkpoint> checkpoints = new ArrayList<>();
        for (AbstractCheckpointStats stats :
                cluster.getExecutionGraph(job)
                        .get()
                        .getCheckpointStatsSnapshot()
                        .getHistory()
                        .getCheckpoints()) {
            if (stats instanceof CompletedCheckpointStats completed
                    && !completed.getProperties().isSavepoint()) {
                checkpoints.add(
                        0,
                        new Checkpoint(
                                completed.getCheckpointId(),
                                completed.getCheckpointedSize(),
                                completed.getStateSize(),
                                completed.getEndToEndDuration(),
                                stallMillis(completed),
                                completed.getExternalPath()));
            }
        }
        return checkpoints;
    }

    /** The synchronous phase; nothing of Millrace's runs before the barrier. */
    private static long stallMillis(AbstractCheckpointStats checkpoint) {
        return checkpoint.getAllTaskStateStats().stream()
                .mapToLong(
                        task ->
                                task.getSummaryStats()
                                        .getSyncCheckpointDurationStats()
                                        .getMaximum())
                .max()
                .orElse(0);
    }
}
