// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.e2e.TestCluster;
import picocli.CommandLine;

/** All steps of {@code millrace cluster-check} that need no other release, with the tiny model. */
@Tag("nightly")
class ClusterCheckITCase {
    @Test
    void nothingIsLostChangedOrDoubled(@TempDir Path directory) throws Exception {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(printed, true, StandardCharsets.UTF_8);
        int exitCode =
                new CommandLine(new ClusterCheckCommand(out))
                        .setCaseInsensitiveEnumValuesAllowed(true)
                        .execute(
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
        assertThat(report.path("steps").findValuesAsText("step"))
                .containsExactly("taskmanager", "jobmanager", "rescale", "restart", "moved");
        for (JsonNode step : report.path("steps")) {
            assertThat(step.path("failure").asText()).as(json).isEmpty();
            assertThat(step.path("interruptions")).as(json).isNotEmpty();
            assertThat(step.path("requests").asInt()).as(json).isPositive();
        }
        assertThat(exitCode).as(json).isZero();
    }
}
