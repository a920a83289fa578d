package org.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.millrace.jobs.client.PromptPublisher;
import org.millrace.jobs.run.RunningJob;
import org.millrace.schemas.Completion;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;

/** The newest checkpoint cannot be opened: the way back of docs/operations.md. */
@ExtendWith(TestCluster.Extension.class)
class DamagedCheckpointITCase {
    private static final int SESSIONS = 16;

    @Test
    void cutOffStateFileIsNamedAndAnOlderCheckpointGivesTheSameAnswers(TestCluster cluster)
            throws Exception {
        Configuration config = job(cluster);
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publish(cluster, config);
            outputs.await(job, o -> o.completions.size() >= 2 && checkpoints(job).size() >= 3);
            job.cancel();
            List<RunningJob.Checkpoint> checkpoints = checkpoints(job);
            RunningJob.Checkpoint newest = checkpoints.get(checkpoints.size() - 1);
            Path damaged = cutOffLargestFile(Path.of(URI.create(newest.path())));

            RunningJob failing = cluster.submit(from(config, newest));
            assertThatThrownBy(() -> outputs.await(failing, o -> false))
                    .hasMessageContaining(damaged.getFileName().toString());

            RunningJob resumed =
                    cluster.submit(from(config, checkpoints.get(checkpoints.size() - 2)));
            outputs.await(resumed, o -> distinct(o).size() == SESSIONS);
            resumed.stop();
            outputs.drain();
            assertThat(distinct(outputs)).hasSize(SESSIONS);
        }
    }

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
        assertThatThrownBy(() -> cluster.submit(from(config, newest)).awaitRunning())
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

    private static Configuration from(Configuration job, RunningJob.Checkpoint checkpoint) {
        Configuration config = new Configuration(job);
        config.set(StateRecoveryOptions.SAVEPOINT_PATH, checkpoint.path());
        return config;
    }

    private static void publish(TestCluster cluster, Configuration config) {
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

    private static Path cutOffLargestFile(Path checkpoint) throws Exception {
        try (Stream<Path> files = Files.list(checkpoint)) {
            Path largest =
                    files.filter(file -> !file.endsWith("_metadata"))
                            .max(Comparator.comparingLong(file -> file.toFile().length()))
                            .orElseThrow();
            try (FileChannel channel = FileChannel.open(largest, StandardOpenOption.WRITE)) {
                channel.truncate(channel.size() / 2);
            }
            return largest;
        }
    }

    /** By session; fails if an answer came again and was another one. */
    private static Map<String, List<Object>> distinct(Outputs outputs) {
        Map<String, List<Object>> answers = new HashMap<>();
        for (Completion completion : outputs.completions) {
            List<Object> compared =
                    List.of(
                            completion.getText(),
                            completion.getTokenIds(),
                            completion.getFinishReason(),
                            completion.getUsage(),
                            completion.getModelFingerprint());
            List<Object> earlier = answers.putIfAbsent(completion.getSessionId(), compared);
            assertThat(compared).isEqualTo(earlier == null ? compared : earlier);
        }
        return answers;
    }

    private static List<RunningJob.Checkpoint> checkpoints(RunningJob job) {
        try {
            return job.checkpoints();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
