// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;
import static org.millrace.e2e.RecoveryITCase.checkpointsOf;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.util.FileUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.cli.run.RunningJob;
import org.millrace.jobs.MillraceOptions;

/** What Flink shows of the job's checkpoints is so. */
@ExtendWith(TestCluster.Extension.class)
class CheckpointStatisticsITCase {
    private static final int SESSIONS = 64;
    private static final int MAX_TOKENS = 100;

    @Test
    void savepointIsAsLargeAsShownAndNothingFailsWhileAllRun(
            @TempDir Path directory, TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 2);
        RunningJob job = cluster.submit(config);
        try (FlinkClient flink =
                        new FlinkClient(cluster.webAddress(), config.toMap().get("pipeline.name"));
                Outputs outputs = new Outputs(cluster, config)) {
            outputs.await(job, o -> checkpointsOf(job) >= 1);
            int failedAtStart = failed(flink);
            cluster.publish(config.get(MillraceOptions.PROMPTS_TOPIC), SESSIONS, MAX_TOKENS);
            outputs.await(job, o -> o.completions.size() >= SESSIONS);
            flink.savepoint(directory);
            // REST answers what it has kept for some seconds.
            outputs.await(job, o -> savepoint(checkpoints(flink)).isPresent());
            JsonNode checkpoints = checkpoints(flink);
            assertThat(savepoint(checkpoints).orElseThrow().path("state_size").asLong())
                    .isGreaterThan(1 << 20)
                    .isCloseTo(bytesIn(directory), withPercentage(2));
            assertThat(failed(flink)).isEqualTo(failedAtStart);
            assertThat(checkpoints.path("history"))
                    .as("those before all tasks ran have left nothing but their number")
                    .extracting(checkpoint -> checkpoint.path("status").asText())
                    .doesNotContain("FAILED");
        }
    }

    private static int failed(FlinkClient flink) throws Exception {
        return flink.checkpoints().path("counts").path("failed").asInt();
    }

    private static JsonNode checkpoints(FlinkClient flink) {
        try {
            return flink.checkpoints();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static Optional<JsonNode> savepoint(JsonNode checkpoints) {
        return StreamSupport.stream(checkpoints.path("history").spliterator(), false)
                .filter(checkpoint -> checkpoint.path("is_savepoint").asBoolean())
                .findFirst();
    }

    private static long bytesIn(Path directory) throws IOException {
        long bytes = 0;
        for (Path file : FileUtils.listFilesInDirectory(directory, path -> true)) {
            bytes += Files.size(file);
        }
        return bytes;
    }
}
