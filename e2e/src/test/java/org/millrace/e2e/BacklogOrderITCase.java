// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.millrace.e2e.RecoveryITCase.checkpointsOf;
import static org.millrace.e2e.RecoveryITCase.publish;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.cli.run.LocalCluster;
import org.millrace.cli.run.RunningJob;
import org.millrace.cli.run.WorkDirectory;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.Completion;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;

/**
 * Prompts that an unaligned checkpoint found in buffers stay ahead of those behind them at another
 * parallelism.
 */
@Tag("nightly")
@ExtendWith(TestCluster.Extension.class)
class BacklogOrderITCase {
    private static final int SESSIONS = 12;
    private static final int TURNS = 80;

    /** So that buffers take a fraction of the prompts, and the rest is still to be read. */
    private static final String PADDING = "-".repeat(500);

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void turnsKeepTheirOrderAtAnotherParallelism(
            boolean budgets, @TempDir Path directory, TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 2);
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(300));
        config.set(CheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS, Duration.ofMillis(50));
        config.set(GenerationOptions.MAX_QUEUED_REQUESTS, 10);
        config.set(GenerationOptions.KERNELS, "reference");
        if (budgets) {
            config.set(MillraceOptions.TENANT_BUDGETS, Map.of("alice", "1000000"));
        }
        publish(cluster, config, requests());
        try (WorkDirectory work = WorkDirectory.take(directory);
                LocalCluster flink = LocalCluster.start(smallBuffers(), work);
                Outputs outputs = new Outputs(cluster, config)) {
            RunningJob job = flink.submit(config);
            outputs.await(job, o -> o.completions.size() > 50 && checkpointsOf(job) >= 4);
            job.cancel();
            RunningJob.Checkpoint last = job.checkpoints().get(job.checkpoints().size() - 1);
            assertThat(outputBufferBytes(last.path())).isGreaterThan(10_000);

            Configuration wider = new Configuration(config);
            wider.set(CoreOptions.DEFAULT_PARALLELISM, 3);
            wider.set(StateRecoveryOptions.SAVEPOINT_PATH, last.path());
            RunningJob restored = flink.submit(wider);
            outputs.await(restored, o -> o.completions.size() >= SESSIONS * TURNS);
            restored.stop();
            assertThat(turns(outputs.completions))
                    .hasSize(SESSIONS)
                    .allSatisfy((session, turns) -> assertThat(turns).isSorted());
        }
    }

    private static Configuration smallBuffers() {
        Configuration config = new Configuration();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 3);
        config.set(RestOptions.BIND_PORT, "0");
        config.set(TaskManagerOptions.BUFFER_DEBLOAT_ENABLED, false);
        config.set(TaskManagerOptions.MEMORY_SEGMENT_SIZE, MemorySize.parse("4kb"));
        return config;
    }

    /** What the checkpoint found in buffers that no other task had yet asked for. */
    private static long outputBufferBytes(String checkpoint) throws IOException {
        org.apache.flink.core.fs.Path metadata =
                new org.apache.flink.core.fs.Path(checkpoint, "_metadata");
        try (DataInputStream in = new DataInputStream(metadata.getFileSystem().open(metadata))) {
            return Checkpoints.loadCheckpointMetadata(
                            in, BacklogOrderITCase.class.getClassLoader(), checkpoint)
                    .getOperatorStates()
                    .stream()
                    .flatMap(operator -> operator.getStates().stream())
                    .mapToLong(subtask -> subtask.getResultSubpartitionState().getStateSize())
                    .sum();
        }
    }

    private static List<PromptRequest> requests() {
        List<PromptRequest> requests = new ArrayList<>();
        for (int turn = 0; turn < TURNS; turn++) {
            for (int session = 0; session < SESSIONS; session++) {
                requests.add(
                        PromptRequest.newBuilder()
                                .setSessionId("session-" + session)
                                .setRequestId(String.format("turn-%02d", turn) + PADDING)
                                .setText("a")
                                .setTenant("alice")
                                .setLimits(
                                        GenerationLimits.newBuilder()
                                                .setMaxTokens(2)
                                                .setIgnoreEos(true)
                                                .build())
                                .build());
            }
        }
        return requests;
    }

    private static Map<String, List<String>> turns(List<Completion> completions) {
        Map<String, List<String>> turns = new HashMap<>();
        for (Completion completion : completions) {
            turns.computeIfAbsent(completion.getSessionId(), key -> new ArrayList<>())
                    .add(completion.getRequestId());
        }
        return turns;
    }
}
