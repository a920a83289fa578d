// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.client.ConsumeCommand;
import org.millrace.e2e.TestCluster;
import org.millrace.jobs.FlinkPaths;
import picocli.CommandLine;

/**
 * The whole of {@code millrace run} and {@code consume}, on the tiny model and the shared broker.
 */
@ExtendWith(TestCluster.Extension.class)
class RunCommandITCase {
    private static final String PROMPTS =
            """
            {"session":"a","request":"1","text":"Hello","maxTokens":8,"ignoreEos":true}
            {"session":"b","request":"1","text":"Hello","maxTokens":8,"ignoreEos":true}
            {"session":"a","request":"2","text":" again","maxTokens":8,"ignoreEos":true}
            {"session":"c","request":"1","text":"%s","maxTokens":8}
            """
                    .formatted("too long ".repeat(200));

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

    @Test
    void endsByItselfWithOneJsonDocument(@TempDir Path directory, TestCluster cluster)
            throws Exception {
        Path prompts = Files.writeString(directory.resolve("prompts.jsonl"), PROMPTS);
        execute(
                new RunCommand(out),
                cluster,
                "--model",
                TestCluster.tinyModel(),
                "--prompts",
                prompts.toString(),
                "--work-dir",
                directory.resolve("work").toString(),
                "-Drest.bind-port=0",
                "-Dpipeline.name=run",
                "--json");
        JsonNode report = new ObjectMapper().readTree(printed());
        assertThat(report.get("requests").asInt()).isEqualTo(4);
        assertThat(report.get("completions").asInt()).isEqualTo(3);
        assertThat(report.get("dead_letters").asInt()).isEqualTo(1);
        assertThat(report.get("tokens").asInt()).isEqualTo(24);
        assertThat(report.get("reused_tokens").asInt()).isPositive();
        assertThat(report.get("cache_bytes").asLong()).isPositive();
        assertThat(report.get("checkpoints")).isNotEmpty();
        assertThat(report.get("refused").get(0).get("reason").asText())
                .isEqualTo("prompt_too_long");
        Path savepoint = FlinkPaths.local(report.get("savepoint").asText());
        assertThat(savepoint.resolve("_metadata")).exists();

        bytes.reset();
        execute(new ConsumeCommand(out), cluster, "--until", "4", "--timeout", "30", "--json");
        assertThat(printed().lines())
                .hasSizeGreaterThanOrEqualTo(4)
                .allSatisfy(line -> new ObjectMapper().readTree(line));
    }

    private static void execute(Object command, TestCluster cluster, String... options) {
        List<String> arguments =
                new ArrayList<>(List.of("--bootstrap-servers", cluster.bootstrapServers()));
        for (String topic : List.of("prompts", "tokens", "completions", "dead-letters")) {
            arguments.add("--" + topic + "-topic");
            arguments.add("run-" + topic);
        }
        Collections.addAll(arguments, options);
        assertThat(new CommandLine(command).execute(arguments.toArray(String[]::new))).isZero();
    }

    private String printed() {
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
