// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.cli.Millrace;
import org.millrace.client.broker.EmbeddedBroker;
import org.millrace.e2e.TestCluster;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import picocli.CommandLine;

/** A bounded run that is killed goes on where it was: no row is done twice, none is left out. */
@Timeout(240)
class ResumedRunITCase {
    private static final int ROWS = 40;

    /** Answers in a complete checkpoint when the run is killed. */
    private static final int ANSWERED = 8;

    @TempDir private Path directory;
    private Process process;

    @AfterEach
    void killWhatIsLeft() {
        process.destroyForcibly();
    }

    @Test
    void finishedRowsAreNotDoneAgain() throws Exception {
        Path prompts = writePrompts();
        process = start(prompts);
        Set<String> finished = awaitFinished();
        process.destroyForcibly().waitFor();
        int linesBefore = journal().size();

        JsonNode report = runAgain(prompts);
        assertThat(report.get("requests").asInt()).isEqualTo(ROWS);
        assertThat(report.get("completions").asInt()).isEqualTo(ROWS);
        assertThat(report.get("answered_before").asInt()).isPositive();
        List<JsonNode> journal = journal();
        assertThat(journal.subList(linesBefore, journal.size()))
                .filteredOn(line -> line.has("from"))
                .isNotEmpty()
                .noneMatch(line -> finished.contains(line.get("session").asText()));
        assertThat(answers()).hasSize(ROWS).doesNotHaveDuplicates();

        assertThat(runAgain(prompts).get("answered_before").asInt()).isEqualTo(ROWS);
        assertThat(answers()).hasSize(ROWS);
    }

    private Path writePrompts() throws IOException {
        Path file = directory.resolve("prompts.avro");
        try (DataFileWriter<PromptRequest> writer =
                new DataFileWriter<>(
                        new SpecificDatumWriter<PromptRequest>(PromptRequest.getClassSchema()))) {
            writer.create(PromptRequest.getClassSchema(), file.toFile());
            for (int row = 0; row < ROWS; row++) {
                writer.append(
                        PromptRequest.newBuilder()
                                .setSessionId("row-" + row)
                                .setRequestId("r")
                                .setText("Row number " + row)
                                .setLimits(
                                        GenerationLimits.newBuilder()
                                                .setMaxTokens(100)
                                                .setIgnoreEos(true)
                                                .build())
                                .build());
            }
        }
        return file;
    }

    private List<String> arguments(Path prompts) throws Exception {
        return List.of(
                "--prompts",
                prompts.toString(),
                "--model",
                TestCluster.tinyModel(),
                "--work-dir",
                directory.resolve("work é").toString(),
                "--checkpoint-dir",
                directory.resolve("check points é").toString(),
                "--json",
                "-Drest.bind-port=0",
                "-Dmillrace.kernels=reference",
                "-Dmillrace.max-sequences=4",
                "-Dmillrace.journal=" + directory.resolve("journal.jsonl"));
    }

    private Process start(Path prompts) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(Millrace.class.getName(), "run"));
        command.addAll(arguments(prompts));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("output").toFile())
                .start();
    }

    /** Sessions whose answers are in a checkpoint that is complete, once there are some. */
    private Set<String> awaitFinished() throws Exception {
        while (true) {
            assertThat(process.isAlive()).as("the run ended before it was killed").isTrue();
            Set<String> finished = finished();
            if (finished.size() >= ANSWERED) {
                return finished;
            }
            Thread.sleep(20);
        }
    }

    /** The state of a checkpoint that another one has followed is complete. */
    private Set<String> finished() throws IOException {
        Set<String> stored = new HashSet<>();
        Set<String> inLastCheckpoint = new HashSet<>();
        Set<String> inEarlierCheckpoint = new HashSet<>();
        for (JsonNode line : journal()) {
            switch (line.get("event").asText()) {
                case "store" -> stored.add(line.get("session").asText());
                case "checkpoint" -> {
                    inEarlierCheckpoint = inLastCheckpoint;
                    inLastCheckpoint = new HashSet<>(stored);
                }
                default -> {}
            }
        }
        return inEarlierCheckpoint;
    }

    /** The lines that are whole: the run may be writing another. */
    private List<JsonNode> journal() throws IOException {
        Path file = directory.resolve("journal.jsonl");
        List<JsonNode> lines = new ArrayList<>();
        if (Files.exists(file)) {
            String text = Files.readString(file);
            String whole = text.substring(0, text.lastIndexOf('\n') + 1);
            for (String line : whole.lines().toList()) {
                lines.add(new ObjectMapper().readTree(line));
            }
        }
        return lines;
    }

    private JsonNode runAgain(Path prompts) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        int exitCode =
                new CommandLine(new RunCommand(out))
                        .execute(arguments(prompts).toArray(String[]::new));
        assertThat(exitCode).isZero();
        return new ObjectMapper().readTree(bytes.toString(StandardCharsets.UTF_8));
    }

    private List<String> answers() throws Exception {
        try (EmbeddedBroker broker =
                EmbeddedBroker.start(directory.resolve("work é").resolve("broker"), 0)) {
            Properties kafka = new Properties();
            kafka.setProperty("bootstrap.servers", broker.bootstrapServers());
            return AnsweredSessions.read(kafka, KafkaTopics.of(new Configuration()), ROWS);
        }
    }
}
