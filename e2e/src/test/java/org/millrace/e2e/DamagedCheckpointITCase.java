// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.PromptPublisher;
import org.millrace.jobs.MillraceOptions;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;

/** A checkpoint of which a file is missing or cut off is refused by that file's name. */
@ExtendWith(TestCluster.Extension.class)
class DamagedCheckpointITCase {
    private static final int SESSIONS = 16;

    @Test
    void missingMetadataIsNamed(TestCluster cluster) throws Exception {
        Configuration config = job(cluster, "hashmap");
        Path checkpoint = newestCheckpoint(cluster, config);
        Files.delete(checkpoint.resolve("_metadata"));
        assertThatThrownBy(() -> cluster.submit(from(config, checkpoint)).awaitRunning())
                .hasStackTraceContaining("_metadata")
                .hasStackTraceContaining(checkpoint.getFileName().toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"hashmap", "rocksdb"})
    void cutOffFileIsNamed(String backend, TestCluster cluster) throws Exception {
        Configuration config = job(cluster, backend);
        Path checkpoint = newestCheckpoint(cluster, config);
        Path file = largestFile(checkpoint);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() - 1);
        }
        assertThatThrownBy(() -> cluster.submit(from(config, checkpoint)).awaitRunning())
                .hasStackTraceContaining("state file was cut off")
                .hasStackTraceContaining(file.getFileName().toString());
    }

    private static Path newestCheckpoint(TestCluster cluster, Configuration config)
            throws Exception {
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publish(cluster, config);
            outputs.await(job, o -> !checkpoints(job).isEmpty());
        }
        job.cancel();
        List<RunningJob.Checkpoint> checkpoints = checkpoints(job);
        return Path.of(URI.create(checkpoints.get(checkpoints.size() - 1).path()));
    }

    /** Of those that a checkpoint needs: one that was cancelled may have left larger ones. */
    private static Path largestFile(Path checkpoint) throws IOException {
        String metadata =
                Files.readString(checkpoint.resolve("_metadata"), StandardCharsets.ISO_8859_1);
        try (Stream<Path> files = Files.walk(checkpoint.getParent())) {
            return files.filter(Files::isRegularFile)
                    .filter(file -> metadata.contains(file.getFileName().toString()))
                    .max(Comparator.comparingLong(file -> file.toFile().length()))
                    .orElseThrow();
        }
    }

    private static Configuration job(TestCluster cluster, String backend) throws Exception {
        Configuration config = cluster.newJob();
        config.set(StateBackendOptions.STATE_BACKEND, backend);
        // No state so small that it is in the metadata.
        config.set(CheckpointingOptions.FS_SMALL_FILE_THRESHOLD, MemorySize.ZERO);
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
        config.set(CheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS, Duration.ofMillis(50));
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
