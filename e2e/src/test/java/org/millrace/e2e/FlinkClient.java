// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.client.program.rest.RestClusterClient;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.core.execution.CheckpointType;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.jobgraph.JobResourceRequirements;
import org.apache.flink.runtime.jobgraph.JobVertexID;
import org.apache.flink.runtime.jobgraph.JobVertexResourceRequirements;
import org.apache.flink.runtime.rest.messages.job.JobDetailsInfo;

/** The one job of a cluster that has a name, by REST. */
final class FlinkClient implements AutoCloseable {
    private final RestClusterClient<String> client;
    private final URI address;
    private final JobID job;

    FlinkClient(String webAddress, String jobName) throws Exception {
        address = URI.create(webAddress);
        Configuration config = new Configuration();
        config.set(RestOptions.ADDRESS, address.getHost());
        config.set(RestOptions.PORT, address.getPort());
        client = new RestClusterClient<>(config, "test");
        job =
                client.listJobs().get().stream()
                        .filter(status -> status.getJobName().equals(jobName))
                        .filter(status -> !status.getJobState().isGloballyTerminalState())
                        .findFirst()
                        .orElseThrow()
                        .getJobId();
    }

    String jobId() {
        return job.toString();
    }

    /** Asks for exactly this parallelism of all vertices. */
    void rescale(int parallelism) throws Exception {
        Map<JobVertexID, JobVertexResourceRequirements> vertices = new HashMap<>();
        for (JobDetailsInfo.JobVertexDetailsInfo vertex :
                client.getJobDetails(job).get().getJobVertexInfos()) {
            vertices.put(
                    vertex.getJobVertexID(),
                    new JobVertexResourceRequirements(
                            new JobVertexResourceRequirements.Parallelism(
                                    parallelism, parallelism)));
        }
        client.updateJobResourceRequirements(job, new JobResourceRequirements(vertices)).get();
    }

    /** Parallelisms of vertices, of all whose subtasks all run. */
    Set<Integer> runningParallelisms() throws Exception {
        return client.getJobDetails(job).get().getJobVertexInfos().stream()
                .map(
                        vertex ->
                                vertex.getExecutionState().name().equals("RUNNING")
                                        ? vertex.getParallelism()
                                        : 0)
                .collect(Collectors.toSet());
    }

    boolean hasRestarted() {
        try {
            return client.getJobDetails(job).get().getTimestamps().get(JobStatus.RESTARTING) > 0;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** Path of a savepoint that the job goes on after; it commits no transaction. */
    String savepoint(Path directory) throws Exception {
        return client.triggerSavepoint(
                        job, directory.toUri().toString(), SavepointFormatType.CANONICAL)
                .get();
    }

    void checkpoint() throws Exception {
        client.triggerCheckpoint(job, CheckpointType.CONFIGURED).get();
    }

    /** What REST tells of the job's checkpoints. */
    JsonNode checkpoints() throws Exception {
        URI checkpoints = address.resolve("/jobs/" + job + "/checkpoints");
        try (InputStream in = checkpoints.toURL().openStream()) {
            return new ObjectMapper().readTree(in);
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
