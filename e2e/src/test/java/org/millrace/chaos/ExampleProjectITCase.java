// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.flink.util.FileUtils;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.e2e.TestCluster;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.jobs.FlinkPaths;

/**
 * {@code examples/windows}, built with nothing but what a release deploys, run by the commands of
 * its README. All paths have a blank.
 */
@Tag("nightly")
class ExampleProjectITCase {
    private static final Path EXAMPLE = Path.of("../examples/windows");
    private static final String MAVEN = Path.of("../mvnw").toAbsolutePath().normalize().toString();
    private static final String VERSION = "0.0.1-example";

    /** As the example has it. */
    private static final int MAX_TOKENS = 40;

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir private static Path temporary;
    private static Path directory;
    private static Path project;
    private static Path model;
    private static List<String> maven;

    /** Of a prompt: what the engine generates for it by itself. */
    private record Answer(String session, String request, List<Integer> tokens, String text) {}

    @BeforeAll
    static void buildAgainstADeployedRelease() throws Exception {
        directory = Files.createDirectory(temporary.resolve("of a user"));
        model = Files.copy(Path.of(TestCluster.tinyModel()), directory.resolve("tiny model.gguf"));
        String local = System.getProperty("localRepository");
        run(
                Map.of("MAVEN_ARGS", "-Dmaven.repo.local=" + local),
                Path.of("deploy-copy").toAbsolutePath().toString(),
                directory.resolve("a checkout").toString(),
                directory.resolve("released").toString(),
                VERSION,
                "-Dmaven.install.skip",
                "-pl",
                "schemas,engine,operators");
        project = directory.resolve("the project");
        FileUtils.copy(
                new org.apache.flink.core.fs.Path(EXAMPLE.toAbsolutePath().toUri()),
                new org.apache.flink.core.fs.Path(project.toUri()),
                false);
        FileUtils.deleteDirectory(project.resolve("target").toFile());
        Path settings = Files.writeString(directory.resolve("settings.xml"), settings());
        maven =
                List.of(
                        MAVEN,
                        "--batch-mode",
                        "--no-transfer-progress",
                        "--quiet",
                        "--global-settings",
                        settings.toString(),
                        "--file",
                        project.resolve("pom.xml").toString(),
                        "-Dmillrace.version=" + VERSION,
                        // What is deployed above gets into this one only.
                        "-Dmaven.repo.local=" + directory.resolve("repository"),
                        "-Dmaven.repo.local.tail=" + local);
        maven("package");
    }

    private static String settings() {
        return """
                <settings>
                  <profiles>
                    <profile>
                      <id>released</id>
                      <repositories>
                        <repository>
                          <id>released</id>
                          <url>%s</url>
                        </repository>
                      </repositories>
                    </profile>
                  </profiles>
                  <activeProfiles>
                    <activeProfile>released</activeProfile>
                  </activeProfiles>
                </settings>
                """
                .formatted(directory.resolve("released").toUri());
    }

    @Test
    void answersInOneProcess() throws Exception {
        Path output = directory.resolve("output of maven");
        maven(
                "compile",
                "exec:exec",
                "-Dmodel=" + model,
                "-Dinput=" + project.resolve("prompts"),
                "-Doutput=" + output);
        assertOutput(output);
    }

    @Test
    void answersOnACluster() throws Exception {
        Path output = directory.resolve("output of flink");
        Path root = Files.createDirectory(directory.resolve("a cluster"));
        try (FlinkProcesses flink = FlinkProcesses.start(root, List.of())) {
            JavaProcess client =
                    flink.flink(
                            "run",
                            project.resolve("target/windows-job.jar").toString(),
                            model.toString(),
                            FlinkPaths.of(project.resolve("prompts")),
                            FlinkPaths.of(output));
            assertThat(client.log()).content().contains("has finished");
        }
        assertOutput(output);
    }

    private static void assertOutput(Path output) throws IOException {
        List<JsonNode> prompts = new ArrayList<>();
        for (String line : Files.readAllLines(project.resolve("prompts/monday.jsonl"))) {
            prompts.add(JSON.readTree(line));
        }
        List<Answer> expected = engineAnswers(prompts);
        List<Answer> answers = new ArrayList<>();
        for (String line : lines(output.resolve("answers"))) {
            answers.add(answer(JSON.readTree(line)));
        }
        assertThat(answers).containsExactlyInAnyOrderElementsOf(expected);
        assertThat(lines(output.resolve("counts")))
                .containsExactlyInAnyOrderElementsOf(counts(prompts, expected));
    }

    private static Answer answer(JsonNode completion) {
        List<Integer> tokens = new ArrayList<>();
        completion.path("tokenIds").forEach(token -> tokens.add(token.asInt()));
        return new Answer(
                completion.path("sessionId").asText(),
                completion.path("requestId").asText(),
                tokens,
                completion.path("text").asText());
    }

    /** Of files that are finished. */
    private static List<String> lines(Path output) throws IOException {
        List<String> lines = new ArrayList<>();
        try (Stream<Path> paths = Files.walk(output)) {
            for (Path path : paths.filter(Files::isRegularFile).toList()) {
                if (!path.getFileName().toString().startsWith(".")) {
                    lines.addAll(Files.readAllLines(path));
                }
            }
        }
        return lines;
    }

    /** One prompt after the other, without Flink. */
    private static List<Answer> engineAnswers(List<JsonNode> prompts) {
        List<Answer> answers = new ArrayList<>();
        Map<String, SessionCache> caches = new HashMap<>();
        Map<String, Transcript> transcripts = new HashMap<>();
        try (Model opened = Model.open(model, ModelOptions.defaults());
                Generator generator =
                        new Generator(opened, new GeneratorOptions(16 << 20, 64, 1))) {
            for (JsonNode prompt : prompts) {
                String session = prompt.path("session").asText();
                Transcript history = transcripts.getOrDefault(session, Transcript.EMPTY);
                Sequence sequence =
                        new Sequence(
                                caches.computeIfAbsent(session, key -> generator.newCache()),
                                history,
                                tokens(opened, history, prompt.path("text").asText()),
                                GenerationParams.greedy(MAX_TOKENS),
                                Retention.FULL,
                                prompt);
                generator.submit(sequence);
                while (generator.liveSequences() > 0) {
                    generator.step();
                }
                transcripts.put(session, sequence.transcript());
                answers.add(
                        new Answer(
                                session,
                                prompt.path("id").asText(),
                                Arrays.stream(sequence.generated()).boxed().toList(),
                                sequence.text()));
            }
        }
        return answers;
    }

    private static int[] tokens(Model opened, Transcript history, String text) {
        int[] tokens = opened.tokenizer().encode(text, false);
        int begin = opened.tokenizer().beginOfSequence();
        if (history.length() > 0 || begin < 0) {
            return tokens;
        }
        int[] first = new int[tokens.length + 1];
        first[0] = begin;
        System.arraycopy(tokens, 0, first, 1, tokens.length);
        return first;
    }

    private static List<String> counts(List<JsonNode> prompts, List<Answer> answers) {
        Map<String, List<Integer>> tokens = new TreeMap<>();
        for (int i = 0; i < prompts.size(); i++) {
            Instant time = Instant.parse(prompts.get(i).path("time").asText());
            String user = answers.get(i).session().split("-")[0];
            tokens.computeIfAbsent(
                            time.truncatedTo(ChronoUnit.MINUTES) + " " + user,
                            key -> new ArrayList<>())
                    .add(answers.get(i).tokens().size());
        }
        return tokens.entrySet().stream()
                .map(
                        count ->
                                "%s answers=%d tokens=%d"
                                        .formatted(
                                                count.getKey(),
                                                count.getValue().size(),
                                                count.getValue().stream()
                                                        .mapToInt(Integer::intValue)
                                                        .sum()))
                .toList();
    }

    private static void maven(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(maven);
        command.addAll(List.of(arguments));
        run(Map.of(), command.toArray(String[]::new));
    }

    private static void run(Map<String, String> environment, String... command) throws Exception {
        Path log = Files.createTempFile(directory, "maven", ".log");
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
        assertThat(process.waitFor())
                .as(() -> String.join(" ", command) + " said " + read(log))
                .isZero();
    }

    private static String read(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
