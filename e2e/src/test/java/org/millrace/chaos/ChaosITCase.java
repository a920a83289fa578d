// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.e2e.TestCluster;
import picocli.CommandLine;

/** The short form of {@code millrace chaos}, with the tiny model. */
class ChaosITCase {
    private static final int KILLS = 5;
    private static final List<String> KEYS =
            List.of(
                    "seed",
                    "kills",
                    "kills_by_kind",
                    "kills_by_phase",
                    "restores",
                    "requests",
                    "requests_lost",
                    "requests_doubled",
                    "requests_changed",
                    "prompt_tokens_recomputed",
                    "tokens_redone",
                    "failed_commits",
                    "seconds_to_next_token",
                    "checkpoint_bytes");

    @Test
    void nothingIsLostChangedOrDoubled(@TempDir Path directory) throws Exception {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(printed, true, StandardCharsets.UTF_8);
        int exitCode =
                new CommandLine(new ChaosCommand(out))
                        .execute(
                                "--kills",
                                Integer.toString(KILLS),
                                "--seed",
                                "1",
                                "--model",
                                TestCluster.tinyModel(),
                                // The slow kernels: with the fast ones the tiny model is done
                                // before it can be disturbed.
                                "-Dmillrace.kernels=reference",
                                "--work-dir",
                                directory.toString(),
                                "--json");
        String json = printed.toString(StandardCharsets.UTF_8);
        JsonNode report = new ObjectMapper().readTree(json);
        assertThat(report.path("kills").asInt()).as(json).isEqualTo(KILLS);
        assertThat(report.path("kills_by_kind").path("taskmanager").asInt()).isPositive();
        assertThat(report.path("kills_by_kind").path("jobmanager").asInt()).isPositive();
        assertThat(report.path("kills_by_kind").path("all_flink").asInt()).isPositive();
        assertThat(report.path("kills_by_kind").path("broker").asInt()).isPositive();
        assertThat(report.fieldNames()).toIterable().containsExactlyElementsOf(KEYS);
        assertThat(report.path("restores").asInt()).isPositive();
        assertThat(report.path("requests").asInt()).isPositive();
        for (String mustBeZero :
                new String[] {
                    "requests_lost",
                    "requests_doubled",
                    "requests_changed",
                    "prompt_tokens_recomputed",
                    "failed_commits"
                }) {
            assertThat(report.path(mustBeZero).asInt()).as(mustBeZero + " of " + json).isZero();
        }
        assertThat(exitCode).as(json).isZero();
    }
}
