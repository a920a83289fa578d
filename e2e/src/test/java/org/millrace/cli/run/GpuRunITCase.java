// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

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
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.client.ConsumeCommand;
import org.millrace.e2e.TestCluster;
import picocli.CommandLine;

/** The whole of {@code millrace run --device cuda}, on the emulated device. */
@Tag("nightly")
@ExtendWith(TestCluster.Extension.class)
class GpuRunITCase {
    private static final String DRIVER_PROPERTY = "millrace.cuda.driver";

    private static final String PROMPTS =
            """
            {"session":"a","request":"1","text":"Hello","maxTokens":6,"ignoreEos":true}
            {"session":"b","request":"1","text":"How are you?","maxTokens":9,"ignoreEos":true}
            {"session":"a","request":"2","text":" again","maxTokens":6,"ignoreEos":true}
            """;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

    @BeforeEach
    void installEmulatedDevice() {
        Path driver = Path.of("..", "engine", "target", "cuda-host", "libcuda.so.1");
        assumeThat(driver).as("emulated CUDA device, built by g++ on Linux x86_64").exists();
        System.setProperty(DRIVER_PROPERTY, driver.toString());
    }

    @AfterEach
    void removeEmulatedDevice() {
        System.clearProperty(DRIVER_PROPERTY);
    }

    @Test
    void answersAreThoseOfTheProcessor(@TempDir Path directory, TestCluster cluster)
            throws Exception {
        TreeMap<String, String> onProcessor = answers("cpu", directory, cluster);
        TreeMap<String, String> onGpu = answers("cuda", directory, cluster);
        assertThat(onGpu).hasSize(3).isEqualTo(onProcessor);
    }

    /** Token ids of each answer. */
    private TreeMap<String, String> answers(String device, Path directory, TestCluster cluster)
            throws Exception {
        Path prompts = Files.writeString(directory.resolve(device + ".jsonl"), PROMPTS);
        String[] run = {
            "--device",
            device,
            "--model",
            TestCluster.tinyModel(),
            "--prompts",
            prompts.toString(),
            "--work-dir",
            directory.resolve(device).toString(),
            "-Drest.bind-port=0",
            "-Dpipeline.name=gpu-" + device,
            "--json"
        };
        execute(new RunCommand(out), device, cluster, run);
        String[] consume = {"--until", "3", "--timeout", "30", "--json"};
        execute(new ConsumeCommand(out), device, cluster, consume);
        TreeMap<String, String> answers = new TreeMap<>();
        for (String line : bytes.toString(StandardCharsets.UTF_8).lines().toList()) {
            JsonNode record = new ObjectMapper().readTree(line);
            if (record.has("tokenIds")) {
                answers.put(
                        record.get("sessionId") + "/" + record.get("requestId"),
                        record.get("tokenIds").toString());
            }
        }
        return answers;
    }

    private void execute(Object command, String device, TestCluster cluster, String... options) {
        bytes.reset();
        List<String> arguments = new ArrayList<>();
        arguments.add("--bootstrap-servers");
        arguments.add(cluster.bootstrapServers());
        for (String topic : List.of("prompts", "tokens", "completions", "dead-letters")) {
            arguments.add("--" + topic + "-topic");
            arguments.add("gpu-" + device + "-" + topic);
        }
        Collections.addAll(arguments, options);
        assertThat(new CommandLine(command).execute(arguments.toArray(String[]::new))).isZero();
    }
}
