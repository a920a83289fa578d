// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.taskexecutor.TaskManagerRunner;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.client.OutputReader;
import org.millrace.client.PromptPublisher;
import org.millrace.client.broker.EmbeddedBroker;
import org.millrace.e2e.TestCluster;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.Completion;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;

/**
 * The job jar by {@code flink run}, with the model from a URI, on a JobManager and a TaskManager
 * that have nothing of Millrace on their class path.
 */
class FlinkRunITCase {
    /** Failures, and resubmissions. */
    private static final int TIMES = Integer.getInteger("millrace.times", 6);

    /** More than what allocators and class loaders keep for a while, less than one page pool. */
    private static final long MAX_GROWTH_KIBIBYTES = 96 << 10;

    @TempDir private Path directory;
    private EmbeddedBroker broker;
    private FlinkProcesses flink;
    private FlinkRun flinkRun;
    private int requests;

    @BeforeEach
    void start() throws Exception {
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
        // What is resident then grows by native memory and classes only.
        flink =
                FlinkProcesses.start(
                        directory, List.of("-XX:+AlwaysPreTouch", "-XX:TieredStopAtLevel=1"));
        flinkRun =
                new FlinkRun(
                        "flink-run",
                        flink.layout(),
                        FlinkProcesses.classPath(),
                        JobJar.ofThisBuild());
    }

    @AfterEach
    void stop() {
        if (flink != null) {
            flink.close();
        }
        broker.close();
    }

    @Test
    void aClusterThatKnowsNothingOfMillraceRunsTheJar() throws Exception {
        KafkaTopics topics = KafkaTopics.of(new Configuration());
        String job = flinkRun();
        try (PromptPublisher publisher = new PromptPublisher(kafka(), topics.prompts());
                OutputReader answers = OutputReader.fromBeginning(kafka(), topics)) {
            assertThat(answer(publisher, answers)).isNotEmpty();
        }
        cancel(job);
    }

    @Test
    @Tag("nightly")
    void failuresAndResubmissionsLeaveNoMemoryBehind() throws Exception {
        ThreadInterrupter interrupter = new ThreadInterrupter(directory.resolve("agent.jar"));
        KafkaTopics topics = KafkaTopics.of(new Configuration());
        String job = flinkRun();
        try (PromptPublisher publisher = new PromptPublisher(kafka(), topics.prompts());
                OutputReader answers = OutputReader.fromBeginning(kafka(), topics)) {
            long pid = taskManager();
            String first = answer(publisher, answers);
            List<Long> resident = new ArrayList<>();
            for (int attempt = 0; attempt < TIMES; attempt++) {
                interrupter.interrupt(pid, "generate .*#" + attempt);
                assertThat(answer(publisher, answers)).isEqualTo(first);
                resident.add(residentKibibytes(pid));
            }
            for (int i = 0; i < TIMES; i++) {
                cancel(job);
                job = flinkRun();
                assertThat(answer(publisher, answers)).isEqualTo(first);
                resident.add(residentKibibytes(pid));
            }
            System.out.println("resident KiB after each failure and resubmission: " + resident);
            assertThat(resident.get(TIMES - 1) - resident.get(0))
                    .as("KiB of growth over failures: %s", resident)
                    .isLessThan(MAX_GROWTH_KIBIBYTES);
            assertThat(resident.get(2 * TIMES - 1) - resident.get(TIMES))
                    .as("KiB of growth over resubmissions: %s", resident)
                    .isLessThan(MAX_GROWTH_KIBIBYTES);
        }
    }

    private Properties kafka() {
        Properties kafka = new Properties();
        kafka.setProperty("bootstrap.servers", broker.bootstrapServers());
        return kafka;
    }

    /** Id of the new job. */
    private String flinkRun() throws Exception {
        Configuration options = new Configuration();
        options.set(GenerationOptions.MODEL, Path.of(TestCluster.tinyModel()).toUri().toString());
        options.set(MillraceOptions.BOOTSTRAP_SERVERS, broker.bootstrapServers());
        return flinkRun.submit(options).toString();
    }

    private void cancel(String job) throws Exception {
        flink.flink("cancel", job);
        FlinkProcesses.await(
                "end of job",
                () -> flink.rest().get("/jobs/" + job).path("state").asText().equals("CANCELED"));
    }

    /** Text that a session of its own is answered. */
    private String answer(PromptPublisher publisher, OutputReader reader) throws Exception {
        String session = "session-" + requests++;
        publisher.publish(
                PromptRequest.newBuilder()
                        .setSessionId(session)
                        .setRequestId("only")
                        .setText("Tell me of the sea.")
                        .setLimits(GenerationLimits.newBuilder().setMaxTokens(24).build())
                        .build());
        publisher.flush();
        String[] text = new String[1];
        FlinkProcesses.await(
                "answer to " + session,
                () -> {
                    for (SpecificRecord output : reader.poll(Duration.ofMillis(100))) {
                        if (output instanceof Completion completion
                                && completion.getSessionId().equals(session)) {
                            text[0] = completion.getText();
                        }
                    }
                    return text[0] != null;
                });
        return text[0];
    }

    private static long taskManager() {
        return ProcessHandle.current()
                .descendants()
                .filter(
                        process ->
                                process.info()
                                        .commandLine()
                                        .orElse("")
                                        .contains(TaskManagerRunner.class.getName()))
                .findFirst()
                .orElseThrow()
                .pid();
    }

    private static long residentKibibytes(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc", Long.toString(pid), "status")).stream()
                .filter(line -> line.startsWith("VmRSS"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
