// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.OutputLedger;
import org.millrace.client.PromptPublisher;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.Completion;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.SamplingParams;
import org.millrace.schemas.TokenDelta;

/** A job that was killed or stopped goes on at the exact next token of every session. */
@ExtendWith(TestCluster.Extension.class)
class RecoveryITCase {
    private static final int SESSIONS = 64;
    private static final int MAX_TOKENS = 400;

    @ParameterizedTest
    @ValueSource(strings = {"hashmap", "rocksdb"})
    void killedJobEndsAsAnUndisturbedOne(
            String backend, @TempDir Path directory, TestCluster cluster) throws Exception {
        List<PromptRequest> requests = requests(16, 2, 200);
        Configuration config = job(cluster, backend, 2);
        Path journal = directory.resolve("journal.jsonl");
        config.set(MillraceOptions.JOURNAL, journal.toString());
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publish(cluster, config, requests);
            outputs.await(job, o -> o.tokens.size() > 1500);
            int checkpoints = job.checkpoints().size();
            outputs.await(job, o -> checkpointsOf(job) >= checkpoints + 2);
            job.cancel();
            assertThat(outputs.completions).hasSizeLessThan(requests.size());
            RunningJob.Checkpoint last = job.checkpoints().get(job.checkpoints().size() - 1);
            List<JsonNode> before = read(journal);
            Files.delete(journal);

            RunningJob restored = cluster.submit(resumed(config, last.path(), 3));
            outputs.await(restored, o -> o.completions.size() >= requests.size());
            restored.stop();
            outputs.drain();

            assertThat(results(outputs)).isEqualTo(undisturbed(cluster, requests));
            assertTokensAgree(outputs);
            assertNothingCoveredIsPrefilledAgain(before, last.id(), read(journal));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hashmap", "rocksdb"})
    void stoppedJobGoesOnWithAllSessionsAtOtherParallelisms(String backend, TestCluster cluster)
            throws Exception {
        List<PromptRequest> requests = requests(SESSIONS, 1, MAX_TOKENS);
        Configuration config = job(cluster, backend, 1);
        RunningJob one = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publish(cluster, config, requests);
            outputs.await(one, o -> sessionsWithTokens(o) == SESSIONS);
            String savepoint = stopWhileAllAreLive(one, outputs);

            Configuration wider = resumed(config, savepoint, 3);
            wider.set(GenerationOptions.KERNELS, "reference");
            RunningJob three = cluster.submit(wider);
            int tokens = outputs.tokens.size();
            outputs.await(three, o -> o.tokens.size() > tokens + 10 * SESSIONS);
            savepoint = stopWhileAllAreLive(three, outputs);

            RunningJob two = cluster.submit(resumed(config, savepoint, 2));
            outputs.await(two, o -> o.completions.size() >= SESSIONS);
            two.stop();
            outputs.drain();
            assertThat(results(outputs)).isEqualTo(undisturbed(cluster, requests));
            assertTokensAgree(outputs);
        }
    }

    private static String stopWhileAllAreLive(RunningJob job, Outputs outputs) throws Exception {
        job.awaitRunning();
        long startNanos = System.nanoTime();
        String savepoint = job.stop();
        Duration stopping = Duration.ofNanos(System.nanoTime() - startNanos);
        outputs.drain();
        assertThat(outputs.completions).as("all sessions are live at the stop").isEmpty();
        assertThat(stopping).isLessThan(Duration.ofSeconds(5));
        return savepoint;
    }

    /**
     * What Flink does if its JobManager dies when a stop's savepoint is complete: it goes on from
     * the checkpoint before, though later answers are committed. Here it is some checkpoints older,
     * and the job fails again before it has caught up.
     */
    @Test
    void jobThatGoesBackAnswersNothingTwice(TestCluster cluster) throws Exception {
        List<PromptRequest> requests = requests(8, 4, 40);
        Configuration config = job(cluster, "hashmap", 2);
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(500));
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publish(cluster, config, requests.subList(0, 8));
            outputs.await(job, o -> !o.tokens.isEmpty() && checkpointsOf(job) >= 1);
            RunningJob.Checkpoint old = job.checkpoints().get(0);
            cluster.publishGarbage(config.get(MillraceOptions.PROMPTS_TOPIC));
            publish(cluster, config, requests.subList(8, 24));
            outputs.await(job, o -> o.completions.size() >= 16 && !o.deadLetters.isEmpty());
            job.cancel();

            Configuration again = resumed(config, old.path(), 3);
            again.set(GenerationOptions.KERNELS, "reference");
            RunningJob restored = cluster.submit(again);
            int tokens = outputs.tokens.size();
            outputs.await(
                    restored, o -> o.tokens.size() > tokens + 300 && checkpointsOf(restored) >= 2);
            restored.cancel();
            RunningJob.Checkpoint last =
                    restored.checkpoints().get(restored.checkpoints().size() - 1);

            RunningJob caughtUp = cluster.submit(resumed(config, last.path(), 1));
            publish(cluster, config, requests.subList(24, 32));
            outputs.await(caughtUp, o -> o.completions.size() >= requests.size());
            caughtUp.stop();
            outputs.drain();

            assertThat(results(outputs)).isEqualTo(undisturbed(cluster, requests));
            assertThat(outputs.deadLetters).hasSize(1);
            assertTokensAgree(outputs);
        }
    }

    @Test
    void failedTaskGoesOnInTheRunningCluster(TestCluster cluster) throws Exception {
        List<PromptRequest> requests = requests(16, 1, 200);
        Configuration config = job(cluster, "rocksdb", 2);
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publish(cluster, config, requests);
            outputs.await(job, o -> o.tokens.size() > 500 && checkpointsOf(job) >= 2);
            // To a task that waits or calls anything that does, this is a failure as any other.
            taskThreads("generate .*#0").forEach(Thread::interrupt);
            outputs.await(job, o -> !taskThreads("generate .*#1").isEmpty());
            outputs.await(job, o -> o.completions.size() >= requests.size());
            job.stop();
            outputs.drain();

            assertThat(results(outputs)).isEqualTo(undisturbed(cluster, requests));
            assertTokensAgree(outputs);
        }
    }

    /** Of 32 requests the budget has room for 10, before and after the failure together. */
    @Test
    void budgetsAreTakenOnceOverAFailure(TestCluster cluster) throws Exception {
        List<PromptRequest> requests =
                requests(16, 2, 200).stream()
                        .map(
                                request ->
                                        PromptRequest.newBuilder(request)
                                                .setTenant("alice")
                                                .build())
                        .toList();
        Configuration config = job(cluster, "rocksdb", 2);
        config.set(MillraceOptions.TENANT_BUDGETS, Map.of("alice", "2199"));
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publish(cluster, config, requests.subList(0, 6));
            outputs.await(job, o -> o.tokens.size() > 100);
            int checkpoints = job.checkpoints().size();
            outputs.await(job, o -> checkpointsOf(job) >= checkpoints + 2);
            // Taken, but perhaps not in a checkpoint any more.
            publish(cluster, config, requests.subList(6, 32));
            outputs.await(job, o -> o.tokens.size() > 500);
            job.cancel();
            RunningJob.Checkpoint last = job.checkpoints().get(job.checkpoints().size() - 1);

            RunningJob restored = cluster.submit(resumed(config, last.path(), 3));
            outputs.await(restored, o -> o.completions.size() + o.deadLetters.size() >= 32);
            restored.stop();
            outputs.drain();
            assertThat(outputs.completions).hasSize(10);
            assertThat(outputs.deadLetters)
                    .hasSize(22)
                    .allSatisfy(
                            letter -> assertThat(letter.getReason()).isEqualTo("budget_exceeded"))
                    .allSatisfy(
                            letter ->
                                    assertThat(letter.getDetail())
                                            .contains("taken=2000 + maxTokens=200", "budget=2199"));
        }
    }

    /** Threads of the cluster's tasks, which are named by subtask and attempt. */
    private static List<Thread> taskThreads(String name) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().matches(name))
                .toList();
    }

    private static Configuration job(TestCluster cluster, String backend, int parallelism)
            throws Exception {
        Configuration config = cluster.newJob();
        config.set(StateBackendOptions.STATE_BACKEND, backend);
        config.set(CoreOptions.DEFAULT_PARALLELISM, parallelism);
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(100));
        config.set(CheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS, Duration.ofMillis(50));
        // The slow kernels: with the fast ones the tiny model is done before it can be disturbed.
        config.set(GenerationOptions.KERNELS, "reference");
        return config;
    }

    /** The same job from a snapshot, with other kernels: they give the same bits. */
    private static Configuration resumed(Configuration job, String path, int parallelism) {
        Configuration config = new Configuration(job);
        config.removeConfig(GenerationOptions.KERNELS);
        config.set(StateRecoveryOptions.SAVEPOINT_PATH, path);
        config.set(CoreOptions.DEFAULT_PARALLELISM, parallelism);
        return config;
    }

    static List<PromptRequest> requests(int sessions, int turns, int maxTokens) {
        List<PromptRequest> requests = new ArrayList<>();
        for (int turn = 0; turn < turns; turn++) {
            for (int session = 0; session < sessions; session++) {
                requests.add(
                        PromptRequest.newBuilder()
                                .setSessionId("session-" + session)
                                .setRequestId("turn-" + turn)
                                .setText("Prompt " + turn + " of session " + session)
                                .setSampling(
                                        SamplingParams.newBuilder()
                                                .setTemperature(session % 2 == 0 ? 0f : 0.8f)
                                                .setSeed(session)
                                                .setLogprobs(true)
                                                .build())
                                .setLimits(
                                        GenerationLimits.newBuilder()
                                                .setMaxTokens(maxTokens)
                                                .setIgnoreEos(true)
                                                .build())
                                .build());
            }
        }
        return requests;
    }

    static void publish(TestCluster cluster, Configuration config, List<PromptRequest> requests)
            throws IOException {
        try (PromptPublisher publisher =
                new PromptPublisher(cluster.kafka(), config.get(MillraceOptions.PROMPTS_TOPIC))) {
            requests.forEach(publisher::publish);
        }
    }

    static Map<String, Completion> undisturbed(TestCluster cluster, List<PromptRequest> requests)
            throws Exception {
        Configuration config = cluster.newJob();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 1);
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publish(cluster, config, requests);
            outputs.await(job, o -> o.completions.size() >= requests.size());
            job.stop();
            return results(outputs);
        }
    }

    /** What a replay repeats, by turn; fails if a turn is answered twice. */
    static Map<String, Completion> results(Outputs outputs) {
        return outputs.completions.stream()
                .collect(
                        Collectors.toMap(
                                c -> c.getSessionId() + "/" + c.getRequestId(),
                                RecoveryITCase::comparable,
                                (first, second) -> {
                                    throw new AssertionError("answered twice: " + first);
                                },
                                TreeMap::new));
    }

    private static Completion comparable(Completion completion) {
        Completion copy = Completion.newBuilder(completion).build();
        Completion empty = Completion.newBuilder().build();
        copy.setTimings(empty.getTimings());
        copy.setCache(empty.getCache());
        return copy;
    }

    /** Repeated tokens are equal, and together they are the completions. */
    static void assertTokensAgree(Outputs outputs) {
        OutputLedger ledger = new OutputLedger();
        Map<String, TreeMap<Integer, Integer>> ids = new HashMap<>();
        for (TokenDelta token : outputs.tokens) {
            if (ledger.isNew(token)) {
                ids.computeIfAbsent(
                                token.getSessionId() + "/" + token.getRequestId(),
                                key -> new TreeMap<>())
                        .put(token.getIndex(), token.getTokenId());
            }
        }
        for (Completion completion : outputs.completions) {
            assertThat(
                            ids.get(completion.getSessionId() + "/" + completion.getRequestId())
                                    .values())
                    .containsExactlyElementsOf(completion.getTokenIds());
        }
    }

    /** The journal is kept outside of Flink: it shows what both jobs did. */
    private static void assertNothingCoveredIsPrefilledAgain(
            List<JsonNode> before, long checkpoint, List<JsonNode> after) {
        Map<String, Integer> covered = new HashMap<>();
        for (JsonNode event : before) {
            if (event.get("event").asText().equals("snapshot")
                    && event.get("checkpoint").asLong() == checkpoint) {
                covered.put(event.get("session").asText(), event.get("positions").asInt());
            }
        }
        assertThat(covered).as("sessions live in checkpoint " + checkpoint).isNotEmpty();
        assertThat(covered.values())
                .anySatisfy(positions -> assertThat(positions).isGreaterThan(30));
        for (JsonNode event : after) {
            if (event.get("event").asText().equals("prefill")) {
                assertThat(event.get("from").asInt())
                        .as(event.toString())
                        .isGreaterThanOrEqualTo(
                                covered.getOrDefault(event.get("session").asText(), 0));
            }
        }
    }

    private static List<JsonNode> read(Path journal) throws IOException {
        ObjectMapper json = new ObjectMapper();
        List<JsonNode> events = new ArrayList<>();
        for (String line : Files.readAllLines(journal)) {
            events.add(json.readTree(line));
        }
        return events;
    }

    private static long sessionsWithTokens(Outputs outputs) {
        return outputs.tokens.stream().map(TokenDelta::getSessionId).distinct().count();
    }

    static int checkpointsOf(RunningJob job) {
        try {
            return job.checkpoints().size();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
