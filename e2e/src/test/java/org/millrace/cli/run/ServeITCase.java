// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.cli.Millrace;
import org.millrace.client.ConsumeCommand;
import org.millrace.client.ProduceCommand;
import org.millrace.e2e.TestCluster;
import org.millrace.jobs.FlinkPaths;
import picocli.CommandLine;

/**
 * {@code millrace run --serve} as a process of its own, fed by {@code produce}, ended by SIGTERM.
 */
@Timeout(240)
class ServeITCase {
    private static final String STOPPED = "stopped; go on with --from-savepoint ";

    /** A name that a URI would spell in another way. */
    private static final String WORK = "an é 100%20";

    @TempDir private Path directory;
    private Process process;
    private String brokers;

    @BeforeEach
    void chooseAPort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            brokers = "localhost:" + socket.getLocalPort();
        }
    }

    @AfterEach
    void killWhatIsLeft() {
        process.destroyForcibly();
    }

    @Test
    void stopsWithASavepointThatTheNextServerGoesOnFrom() throws Exception {
        serve();
        produce("{\"session\":\"a\",\"request\":\"1\",\"text\":\"Hello\",\"maxTokens\":6}");
        consume(1);
        String savepoint = stop();

        serve("--from-savepoint", savepoint);
        produce("{\"session\":\"a\",\"request\":\"2\",\"text\":\" again\",\"maxTokens\":6}");
        JsonNode second = consume(2).get(1);
        assertThat(second.get("requestId").asText()).isEqualTo("2");
        assertThat(second.get("usage").get("reusedTokens").asInt()).isPositive();
        stop();
    }

    @Test
    @Tag("nightly")
    void goesOnByItselfAfterItWasKilled() throws Exception {
        int sessions = 40;
        serve("-Dmillrace.max-sequences=2", "-Dmillrace.kernels=reference");
        StringBuilder prompts = new StringBuilder();
        for (int i = 0; i < sessions; i++) {
            prompts.append("{\"session\":\"s")
                    .append(i)
                    .append("\",\"request\":\"1\",\"text\":\"Hello\",");
            prompts.append("\"maxTokens\":100,\"ignoreEos\":true}\n");
        }
        produce(prompts.toString());
        consume(1);
        assertThatThrownBy(() -> WorkDirectory.take(directory.resolve(WORK)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("another run is using the work directory");
        process.destroyForcibly().waitFor();
        Set<Path> left = Set.copyOf(files("checkpoints"));
        Set<Path> temporary = Set.copyOf(files("tmp"));
        assertThat(temporary).isNotEmpty();
        Path checkpoint = newestCheckpoint();

        serve();
        assertThat(consume(sessions)).hasSize(sessions);
        assertThat(files("tmp")).doesNotContainAnyElementsOf(temporary);
        awaitGone(checkpoint);
        String savepoint = stop();
        assertThat(FlinkPaths.local(savepoint)).isDirectory();

        serve();
        produce("{\"session\":\"new\",\"request\":\"1\",\"text\":\"Hello\",\"maxTokens\":6}");
        assertThat(consume(sessions + 1)).hasSize(sessions + 1);
        assertThat(files("checkpoints")).doesNotContainAnyElementsOf(left);
        stop();
    }

    private Path newestCheckpoint() throws IOException {
        try (WorkDirectory work = WorkDirectory.take(directory.resolve(WORK))) {
            Snapshots snapshots = Snapshots.of(work, new Configuration());
            return FlinkPaths.local(snapshots.newest().orElseThrow().path().toString());
        }
    }

    /** A job takes over the checkpoint that it goes on from, and deletes it after three more. */
    private static void awaitGone(Path checkpoint) throws Exception {
        while (Files.exists(checkpoint)) {
            Thread.sleep(50);
        }
    }

    private List<Path> files(String name) throws IOException {
        Path folder = directory.resolve(WORK).resolve(name);
        try (Stream<Path> files = Files.exists(folder) ? Files.walk(folder) : Stream.of()) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    private void serve(String... options) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(Millrace.class.getName(), "run", "--serve"));
        command.addAll(List.of("--port", brokers.substring(brokers.indexOf(':') + 1)));
        command.addAll(List.of("--model", TestCluster.tinyModel()));
        command.addAll(List.of("--work-dir", directory.resolve(WORK).toString()));
        command.add("-Drest.bind-port=0");
        command.addAll(List.of(options));
        process =
                new ProcessBuilder(command)
                        .redirectOutput(output().toFile())
                        .redirectError(serverLog().toFile())
                        .start();
    }

    private void produce(String prompt) throws IOException {
        Path file = Files.writeString(directory.resolve("prompts.jsonl"), prompt);
        execute(new ProduceCommand(), file.toString());
    }

    /** The first {@code count} completions. */
    private List<JsonNode> consume(int count) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        execute(new ConsumeCommand(out), "--until", "" + count, "--timeout", "60", "--json");
        List<JsonNode> completions = new ArrayList<>();
        for (String line : bytes.toString(StandardCharsets.UTF_8).lines().toList()) {
            JsonNode record = new ObjectMapper().readTree(line);
            if (record.has("finishReason")) {
                completions.add(record);
            }
        }
        return completions;
    }

    private void execute(Object command, String... options) throws IOException {
        CommandLine commandLine = new CommandLine(command);
        List<String> arguments = new ArrayList<>(List.of("--bootstrap-servers", brokers));
        arguments.addAll(List.of(options));
        int exitCode = commandLine.execute(arguments.toArray(String[]::new));
        assertThat(exitCode).as(Files.readString(serverLog())).isZero();
    }

    private Path serverLog() {
        return directory.resolve("server.log");
    }

    private Path output() {
        return directory.resolve("output");
    }

    private String stop() throws Exception {
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
        String lastLine = Files.readAllLines(output()).stream().reduce("", (a, b) -> b);
        assertThat(lastLine).startsWith(STOPPED);
        return lastLine.substring(STOPPED.length());
    }
}
