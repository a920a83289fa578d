// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.apache.flink.api.common.JobID;
import org.apache.flink.client.program.rest.RestClusterClient;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.HighAvailabilityOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.millrace.jobs.GenerationJob;

/**
 * The generation job on the process group: submitted, stopped with a savepoint, and gone on with
 * from it. Not thread safe.
 */
final class ChaosJob {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final ClusterLayout layout;
    private final FlinkRest rest;
    private final Configuration clusterConfig;
    private final Configuration jobConfig;
    private JobID job;
    private String stopping;
    private Set<Path> savepointsBefore = Set.of();

    ChaosJob(
            ClusterLayout layout,
            FlinkRest rest,
            Configuration clusterConfig,
            Configuration jobConfig) {
        this.layout = layout;
        this.rest = rest;
        this.clusterConfig = clusterConfig;
        this.jobConfig = jobConfig;
    }

    /**
     * Submits the job. The JobManager must be up.
     *
     * @param savepoint path to go on from, or null
     */
    void submit(String savepoint) throws Exception {
        // As flink run does it: what the cluster is configured with is the job's, too.
        Configuration config = new Configuration(clusterConfig);
        config.addAll(jobConfig);
        if (savepoint != null) {
            config.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
        }
        StreamExecutionEnvironment env = new StreamExecutionEnvironment(config);
        GenerationJob.build(env);
        Configuration clientConfig = new Configuration(clusterConfig);
        // The client asks the JobManager's address itself, not ZooKeeper for it.
        clientConfig.set(HighAvailabilityOptions.HA_MODE, "none");
        try (RestClusterClient<String> client = new RestClusterClient<>(clientConfig, "chaos")) {
            job = client.submitJob(env.getStreamGraph().getJobGraph()).get();
        } catch (ExecutionException e) {
            throw new IOException("the job was not accepted: " + e.getCause().getMessage(), e);
        }
        stopping = null;
    }

    /** Path of the job in the REST interface. */
    String path() {
        return "/jobs/" + job;
    }

    /** Where the job's checkpoints are, {@code chk-N} below. */
    Path checkpoints() {
        return layout.checkpoints().resolve(job.toString());
    }

    /** Whether every subtask runs, with its state restored and its model loaded. */
    boolean isRunning() throws InterruptedException {
        JsonNode details = rest.get(path());
        if (!details.path("state").asText().equals("RUNNING")) {
            return false;
        }
        for (JsonNode vertex : details.path("vertices")) {
            if (vertex.path("tasks").path("RUNNING").asInt()
                    != vertex.path("parallelism").asInt()) {
                return false;
            }
        }
        return true;
    }

    /** Whether a subtask is restoring its state. */
    boolean isRestoring() throws InterruptedException {
        for (JsonNode vertex : rest.get(path()).path("vertices")) {
            if (vertex.path("tasks").path("INITIALIZING").asInt() > 0) {
                return true;
            }
        }
        return false;
    }

    /** Begins to stop with a savepoint; whether that was accepted. */
    boolean stop() throws IOException, InterruptedException {
        savepointsBefore = savepoints();
        ObjectNode body = JSON.createObjectNode();
        body.put("drain", false).put("targetDirectory", layout.savepoints().toUri().toString());
        stopping = rest.post(path() + "/stop", body).path("request-id").asText(null);
        return stopping != null;
    }

    /** Whether the job was asked to stop since it was submitted. */
    boolean isStopRequested() {
        return stopping != null;
    }

    /** Whether the stop that was begun is still under way, as far as the JobManager tells. */
    boolean isStopping() throws InterruptedException {
        return stopping != null
                && rest.get(path() + "/savepoints/" + stopping)
                        .path("status")
                        .path("id")
                        .asText()
                        .equals("IN_PROGRESS");
    }

    /**
     * Whether the job has ended for good. That is told by a file: a JobManager that was started
     * since knows nothing of it.
     */
    boolean isFinished() throws IOException {
        try (Stream<Path> results = Files.walk(layout.jobResults())) {
            return results.anyMatch(
                    path -> path.getFileName().toString().startsWith(job.toString()));
        } catch (UncheckedIOException e) {
            // A file was renamed meanwhile.
            return false;
        }
    }

    /** The savepoint that the last {@link #stop} has completed, or null. */
    Path newSavepoint() throws IOException {
        Set<Path> completed = savepoints();
        completed.removeAll(savepointsBefore);
        return completed.isEmpty() ? null : completed.iterator().next();
    }

    private Set<Path> savepoints() throws IOException {
        Set<Path> completed = new HashSet<>();
        try (Stream<Path> directories = Files.list(layout.savepoints())) {
            directories
                    .filter(directory -> Files.exists(directory.resolve("_metadata")))
                    .forEach(completed::add);
        }
        return completed;
    }
}
