package org.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.millrace.jobs.client.PromptPublisher;
import org.millrace.jobs.run.RunningJob;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;

/** A checkpoint that cannot be opened is refused by name. */
@ExtendWith(TestCluster.Extension.class)
class DamagedCheckpointITCase {
    private static final int SESSIONS = 16;

    @Test
    void missingMetadataIsNamed(TestCluster cluster) throws Exception {
        Configuration config = job(cluster);
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publish(cluster, config);
            outputs.await(job, o -> !checkpoints(job).isEmpty());
        }
        job.cancel();
        List<RunningJob.Checkpoint> checkpoints = checkpoints(job);
        RunningJob.Checkpoint newest = checkpoints.get(checkpoints.size() - 1);
        Files.delete(Path.of(URI.create(newest.path())).resolve("_metadata"));
        assertThatThrownBy(
                        () ->
                                cluster.submit(from(config, Path.of(URI.create(newest.path()))))
                                        .awaitRunning())
                .hasStackTraceContaining("_metadata")
                .hasStackTraceContaining("chk-" + newest.id());
    }

    private static Configuration job(TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        // Each checkpoint has files of its own.
        config.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
        config.set(CheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS, Duration.ofMillis(50));
        config.set(MillraceOptions.KERNELS, "reference");
        return config;
    }

    /**
     * Complete checkpoints on disk, oldest first: one may have come while the job was cancelled.
     */
    private static Configuration from(Configuration job, Path checkpoint) {
        Configuration config = new Configuration(job);
        config.set(StateRecoveryOptions.SAVEPOINT_PATH, checkpoint.toUri().toString());
        return config;
    }

    private static void publish(TestCluster cluster, Configuration config) throws Exception {
        try (PromptPublisher publisher =
                new PromptPublisher(cluster.kafka(), config.get(MillraceOptions.PROMPTS_TOPIC))) {
            IntStream.range(0, SESSIONS)
                    .mapToObj(DamagedCheckpointITCase::request)
                    .forEach(publisher::publish);
        }
    }

    private static PromptRequest request(int number) {
        return PromptRequest.newBuilder()
                .setSessionId("session-" + number)
                .setRequestId("turn")
                .setText("Prompt of session " + number)
                .setLimits(
                        GenerationLimits.newBuilder()
                                .setMaxTokens(20 + 20 * number)
                                .setIgnoreEos(true)
                                .build())
                .build();
    }

    private static List<RunningJob.Checkpoint> checkpoints(RunningJob job) {
        try {
            return job.checkpoints();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
