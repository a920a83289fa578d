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
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.millrace.jobs.FlinkPaths;

/**
 * The generation job on the process group: submitted, stopped with a savepoint, and gone on with
 * from it. Not thread safe.
 */
final class ClusterJob {
    private static final String GENERATE = "generate";

    private static final ObjectMapper JSON = new ObjectMapper();

    private final ClusterLayout layout;
    private final FlinkRest rest;
    private final Submission submission;
    private final Configuration config;
    private JobID job;
    private String stopping;
    private Set<Path> savepointsBefore = Set.of();

    /**
     * @param config all options of the job
     */
    ClusterJob(ClusterLayout layout, FlinkRest rest, Submission submission, Configuration config) {
        this.layout = layout;
        this.rest = rest;
        this.submission = submission;
        this.config = new Configuration(config);
    }

    /** Submits the job. The JobManager must be up. */
    void submit() throws Exception {
        job = submission.submit(config);
        stopping = null;
    }

    /**
     * Submits the job to go on from a savepoint. The JobManager must be up.
     *
     * @param savepoint its directory
     */
    void submit(Path savepoint) throws Exception {
        config.set(StateRecoveryOptions.SAVEPOINT_PATH, FlinkPaths.of(savepoint));
        submit();
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

    /** Whether a vertex of the job's graph has the operator, alone or with others chained to it. */
    static boolean generates(JsonNode vertex) {
        String name = vertex.path("name").asText();
        return name.equals(GENERATE) || name.startsWith(GENERATE + " -> ");
    }

    /** How many subtasks generate, as far as the JobManager tells. */
    int parallelism() throws InterruptedException {
        for (JsonNode vertex : rest.get(path()).path("vertices")) {
            if (generates(vertex)) {
                return vertex.path("parallelism").asInt();
            }
        }
        return 0;
    }

    /**
     * Asks for as many subtasks of each operator, fewer where an operator cannot have as many.
     *
     * @throws IOException if the JobManager refuses
     */
    void rescale(int parallelism) throws IOException, InterruptedException {
        ObjectNode body = JSON.createObjectNode();
        for (JsonNode vertex : rest.get(path()).path("vertices")) {
            int bound = Math.min(parallelism, vertex.path("maxParallelism").asInt());
            body.putObject(vertex.path("id").asText())
                    .putObject("parallelism")
                    .put("lowerBound", 1)
                    .put("upperBound", bound);
        }
        String requirements = path() + "/resource-requirements";
        if (rest.put(requirements, body).isMissingNode()) {
            throw new IOException("the JobManager refuses: PUT " + requirements + " " + body);
        }
    }

    /** Ends the job without a savepoint; whether that was accepted. */
    boolean cancel() throws InterruptedException {
        return !rest.patch(path() + "?mode=cancel").isMissingNode();
    }

    /** The last failure that the JobManager tells of: its first line and that of its last cause. */
    Optional<String> failure() throws InterruptedException {
        JsonNode entries =
                rest.get(path() + "/exceptions").path("exceptionHistory").path("entries");
        List<String> lines =
                entries.path(0)
                        .path("stacktrace")
                        .asText()
                        .lines()
                        .filter(line -> !line.isBlank() && !line.startsWith("\t"))
                        .toList();
        return lines.isEmpty() ? Optional.empty() : Optional.of(lines.get(lines.size() - 1));
    }

    /** Begins to stop with a savepoint; whether that was accepted. */
    boolean stop() throws IOException, InterruptedException {
        savepointsBefore = savepoints();
        ObjectNode body = JSON.createObjectNode();
        body.put("drain", false).put("targetDirectory", FlinkPaths.of(layout.savepoints()));
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
