// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.util.FileUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.PromptPublisher;
import org.millrace.jobs.MillraceOptions;
import org.millrace.schemas.Completion;
import org.millrace.schemas.PromptRequest;

/**
 * Savepoints of each released state format restore in the job with Kafka: turns go on at their
 * exact next token, idle sessions keep their caches.
 *
 * <p>A new format gets a savepoint of its own, by {@link #writeAnotherOne}; what is there stays.
 */
@ExtendWith(TestCluster.Extension.class)
class GoldenSavepointITCase {
    private static final Path SAVEPOINTS = Path.of("src/test/resources/savepoints");

    /** {@code docs/state-format.md} has the command. */
    @Test
    @EnabledIfSystemProperty(named = "millrace.golden", matches = ".+")
    void writeAnotherOne(@TempDir Path directory) throws Exception {
        GoldenSavepoint.write(directory);
        try (Stream<Path> savepoints = Files.list(directory)) {
            Path target =
                    SAVEPOINTS.resolve(System.getProperty("millrace.golden")).toAbsolutePath();
            FileUtils.deleteDirectory(target.toFile());
            Files.createDirectories(SAVEPOINTS);
            Files.move(savepoints.findFirst().orElseThrow(), target);
        }
    }

    static List<String> formats() throws Exception {
        try (Stream<Path> directories = Files.list(SAVEPOINTS)) {
            return directories.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void restores(String format, @TempDir Path directory, TestCluster cluster) throws Exception {
        PromptRequest next = GoldenSavepoint.request(GoldenSavepoint.IDLE, "r2", 20, "");
        Map<String, Completion> expected = undisturbed(cluster, next);
        Path journal = directory.resolve("journal.jsonl");
        Configuration config = cluster.newJob();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 2);
        config.set(MillraceOptions.JOURNAL, journal.toString());
        config.set(
                StateRecoveryOptions.SAVEPOINT_PATH,
                SAVEPOINTS.resolve(format).toAbsolutePath().toUri().toString());
        assertThat(answers(cluster, config, List.of(next), expected.size())).isEqualTo(expected);
        assertThat(Files.readAllLines(journal))
                .as("nothing is computed from a session's beginning")
                .anyMatch(line -> line.contains("\"restore\",\"session\":\"compressed\""))
                .noneMatch(line -> line.contains("\"from\":0,"));
    }

    /** All turns but the one that was answered before the savepoint. */
    private static Map<String, Completion> undisturbed(TestCluster cluster, PromptRequest next)
            throws Exception {
        List<PromptRequest> requests = new ArrayList<>(GoldenSavepoint.requests());
        requests.add(next);
        Configuration config = cluster.newJob();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 1);
        Map<String, Completion> completions = answers(cluster, config, requests, requests.size());
        completions.remove(GoldenSavepoint.IDLE + "/r1");
        return completions;
    }

    private static Map<String, Completion> answers(
            TestCluster cluster, Configuration config, List<PromptRequest> requests, int count)
            throws Exception {
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config);
                PromptPublisher publisher =
                        new PromptPublisher(
                                cluster.kafka(), config.get(MillraceOptions.PROMPTS_TOPIC))) {
            requests.forEach(publisher::publish);
            publisher.flush();
            outputs.await(job, o -> o.completions.size() >= count);
            job.stop();
            outputs.drain();
            return byTurn(outputs);
        }
    }

    private static Map<String, Completion> byTurn(Outputs outputs) {
        Completion empty = Completion.newBuilder().build();
        return outputs.completions.stream()
                .map(
                        completion ->
                                Completion.newBuilder(completion)
                                        .setTimings(empty.getTimings())
                                        .setCache(empty.getCache())
                                        .build())
                .collect(
                        Collectors.toMap(
                                c -> c.getSessionId() + "/" + c.getRequestId(),
                                completion -> completion,
                                (first, second) -> {
                                    throw new AssertionError("answered twice: " + first);
                                },
                                TreeMap::new));
    }
}
