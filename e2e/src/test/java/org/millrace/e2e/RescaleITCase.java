// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.millrace.e2e.RecoveryITCase.assertTokensAgree;
import static org.millrace.e2e.RecoveryITCase.checkpointsOf;
import static org.millrace.e2e.RecoveryITCase.publish;
import static org.millrace.e2e.RecoveryITCase.requests;
import static org.millrace.e2e.RecoveryITCase.results;
import static org.millrace.e2e.RecoveryITCase.undisturbed;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.cli.run.LocalCluster;
import org.millrace.cli.run.RunningJob;
import org.millrace.cli.run.WorkDirectory;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.Completion;
import org.millrace.schemas.PromptRequest;

/** The adaptive scheduler rescales a job while its sessions generate. */
@ExtendWith(TestCluster.Extension.class)
class RescaleITCase {
    /** Every vertex is asked for the same, also those of which one subtask has all the work. */
    @Test
    void sessionsGoOnAtAnotherParallelism(@TempDir Path directory, TestCluster cluster)
            throws Exception {
        List<PromptRequest> requests = requests(16, 3, 200);
        Configuration config = cluster.newJob();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 1);
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
        config.set(GenerationOptions.KERNELS, "reference");
        try (WorkDirectory work = WorkDirectory.take(directory);
                LocalCluster adaptive = LocalCluster.start(adaptive(), work);
                Outputs outputs = new Outputs(cluster, config)) {
            RunningJob job = adaptive.submit(config);
            publish(cluster, config, requests);
            outputs.await(job, o -> o.tokens.size() > 500 && checkpointsOf(job) >= 2);
            String name = config.toMap().get("pipeline.name");
            try (FlinkClient flink = new FlinkClient(adaptive.webAddress(), name)) {
                for (int parallelism : new int[] {3, 2, 1}) {
                    flink.rescale(parallelism);
                    outputs.await(job, o -> runs(flink, parallelism));
                    int completions = outputs.completions.size();
                    outputs.await(job, o -> o.completions.size() > completions);
                }
            }
            assertThat(outputs.completions).as("live at the last").hasSizeLessThan(48);
            outputs.await(job, o -> o.completions.size() >= requests.size());
            job.stop();
            outputs.drain();
            assertThat(results(outputs)).isEqualTo(undisturbed(cluster, requests));
            assertTokensAgree(outputs);
        }
    }

    /**
     * A stopped job of a released version, Kafka and all: two turns were answered, the others are
     * in its state. Its operators have a maximum parallelism of 128.
     */
    @Test
    void jobOfAReleasedVersionGoesOnAndIsRescaled(@TempDir Path directory, TestCluster cluster)
            throws Exception {
        Map<String, Completion> expected = undisturbed(cluster, GoldenSavepoint.requests());
        expected.keySet().removeAll(Set.of("idle/r1", "running/r1"));
        Configuration config = cluster.newJob();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 2);
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
        config.set(GenerationOptions.KERNELS, "reference");
        config.setString("pipeline.name", "golden");
        config.set(MillraceOptions.PROMPTS_TOPIC, "golden-prompts");
        config.set(MillraceOptions.TOKENS_TOPIC, "golden-tokens");
        config.set(MillraceOptions.COMPLETIONS_TOPIC, "golden-completions");
        config.set(MillraceOptions.DEAD_LETTERS_TOPIC, "golden-dead-letters");
        Path savepoint = Path.of("src/test/resources/savepoints-of-jobs/831c9f5");
        config.set(
                StateRecoveryOptions.SAVEPOINT_PATH, savepoint.toAbsolutePath().toUri().toString());
        try (WorkDirectory work = WorkDirectory.take(directory);
                LocalCluster adaptive = LocalCluster.start(adaptive(), work)) {
            RunningJob job = adaptive.submit(config);
            try (Outputs outputs = new Outputs(cluster, config);
                    FlinkClient flink = new FlinkClient(adaptive.webAddress(), "golden")) {
                outputs.await(job, o -> checkpointsOf(job) >= 1);
                flink.rescale(3);
                outputs.await(job, o -> runs(flink, 3));
                outputs.await(job, o -> o.completions.size() >= expected.size());
                job.stop();
                outputs.drain();
                assertThat(results(outputs)).isEqualTo(expected);
            }
        }
    }

    private static Configuration adaptive() {
        Configuration config = new Configuration();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 3);
        config.set(RestOptions.BIND_PORT, "0");
        config.set(JobManagerOptions.SCHEDULER, JobManagerOptions.SchedulerType.Adaptive);
        config.set(JobManagerOptions.SCHEDULER_EXECUTING_COOLDOWN_AFTER_RESCALING, Duration.ZERO);
        config.set(
                JobManagerOptions.SCHEDULER_EXECUTING_RESOURCE_STABILIZATION_TIMEOUT,
                Duration.ZERO);
        config.set(RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_ATTEMPTS, 3);
        return config;
    }

    private static boolean runs(FlinkClient flink, int parallelism) {
        try {
            return flink.runningParallelisms().equals(Set.of(parallelism));
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
