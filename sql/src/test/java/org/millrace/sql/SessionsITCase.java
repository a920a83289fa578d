// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;

/** Sessions by the statements of a file, on a cluster in this process. */
@Timeout(180)
class SessionsITCase {
    private static final int SESSIONS = 10;
    private static final int ROWS = 2 * SESSIONS;

    /** Of {@code sessions.sql}. */
    private static final EngineOptions ENGINE =
            new EngineOptions(
                    TinyModel.path().toString(),
                    new ModelOptions(KvType.INT8, ActivationType.INT8, "reference", 1),
                    new GeneratorOptions(16 << 20, 256, 16));

    private static final GenerationParams PARAMS =
            new GenerationParams(100, 0.8f, 0, 1f, 0f, 1f, 11, List.of(), false, false);

    @TempDir private Path directory;

    private final List<Map<String, Object>> prompts = new ArrayList<>();
    private JobClient job;

    private static Map<String, Object> prompt(int id, String text) {
        Map<String, Object> row = new HashMap<>();
        row.put("session", "s" + id % SESSIONS);
        row.put("request", Integer.toString(id));
        row.put("prompt", text);
        row.put("event_time", String.format("2026-01-01T00:00:%02dZ", id));
        return row;
    }

    /** Two turns of each session, and one that has no text. */
    @BeforeEach
    void writePrompts() throws IOException {
        for (int id = 0; id < ROWS; id++) {
            prompts.add(prompt(id, "What is " + "so ".repeat(id) + "new?"));
        }
        prompts.add(prompt(ROWS, ""));
        JsonRows.write(directory.resolve("prompts"), prompts);
    }

    /** A job that goes on without its prompts would restart again and again. */
    @AfterEach
    void cancelJob() throws Exception {
        if (!job.getJobExecutionResult().isDone()) {
            job.cancel().get();
        }
    }

    /**
     * @param hints of the table of answers
     */
    private void start(String hints, int parallelism, Configuration config) throws IOException {
        config.set(CoreOptions.DEFAULT_PARALLELISM, parallelism);
        config.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(64));
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(100));
        config.set(
                CheckpointingOptions.CHECKPOINTS_DIRECTORY,
                directory.resolve("checkpoints").toUri().toString());
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 3);
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(1));
        TableEnvironment tables =
                TableEnvironment.create(
                        EnvironmentSettings.newInstance().withConfiguration(config).build());
        tables.createTemporarySystemFunction("watched", Watched.class);
        job =
                SqlScript.read(
                                "sessions.sql",
                                Map.of(
                                        "model",
                                        TinyModel.path(),
                                        "input",
                                        directory.resolve("prompts"),
                                        "output",
                                        directory.resolve("answers"),
                                        "answer",
                                        "watched(answer)",
                                        "hints",
                                        hints))
                        .start(tables)
                        .getJobClient()
                        .orElseThrow();
    }

    private void awaitEnd() throws Exception {
        job.getJobExecutionResult().get(100, TimeUnit.SECONDS);
    }

    private void await(Callable<Boolean> condition) throws Exception {
        while (!condition.call()) {
            assertThat(job.getJobExecutionResult()).isNotDone();
            Thread.sleep(5);
        }
    }

    private String stop() throws Exception {
        return job.stopWithSavepoint(
                        false, directory.toUri().toString(), SavepointFormatType.CANONICAL)
                .get(60, TimeUnit.SECONDS);
    }

    private List<JsonNode> rows() throws IOException {
        return JsonRows.read(directory.resolve("answers"));
    }

    private void assertRowsOfTheEngine() throws IOException {
        List<JsonNode> rows = rows();
        assertThat(rows).hasSize(ROWS + 1);
        try (DirectAnswers engine = new DirectAnswers(ENGINE)) {
            for (int id = 0; id < SESSIONS; id++) {
                List<Answer.Generated> turns =
                        engine.session(
                                List.of(
                                        (String) prompts.get(id).get("prompt"),
                                        (String) prompts.get(SESSIONS + id).get("prompt")),
                                PARAMS);
                assertRow(rows.get(id), id, turns.get(0));
                assertRow(rows.get(SESSIONS + id), SESSIONS + id, turns.get(1));
                assertThat(rows.get(id).get("reused_tokens").intValue()).isZero();
                int positions = turns.get(0).promptTokens() + turns.get(0).generatedTokens();
                // The last token of an answer is not in the cache yet.
                assertThat(rows.get(SESSIONS + id).get("reused_tokens").intValue())
                        .isBetween(positions - 1, positions);
            }
        }
        JsonNode refused = rows.get(ROWS);
        assertThat(refused.get("error").textValue())
                .isEqualTo("empty_prompt: neither text nor a message has any content");
        assertThat(refused.get("answer").isNull()).isTrue();
    }

    private static void assertRow(JsonNode row, int id, Answer.Generated expected) {
        assertThat(row.get("id").intValue()).isEqualTo(id);
        assertThat(row.get("session").textValue()).isEqualTo("s" + id % SESSIONS);
        assertThat(row.get("answer").textValue()).isEqualTo(expected.text());
        assertThat(row.get("finish_reason").textValue())
                .isEqualToIgnoringCase(expected.finishReason().name());
        assertThat(row.get("prompt_tokens").intValue()).isEqualTo(expected.promptTokens());
        assertThat(row.get("generated_tokens").intValue()).isEqualTo(expected.generatedTokens());
        assertThat(row.get("prompt_time").textValue())
                .isEqualTo(String.format("2026-01-01 00:00:%02dZ", id));
        assertThat(row.get("error").isNull()).isTrue();
    }

    @Test
    void turnsGoOnFromTheOnesBefore() throws Exception {
        Watched.reset(Watched.NEVER);
        start("", 2, new Configuration());
        awaitEnd();
        assertRowsOfTheEngine();
    }

    @Test
    void afterAFailureAnswersAreTheSameAndComeOnce() throws Exception {
        Watched.reset(SESSIONS / 2);
        start("", 2, new Configuration());
        awaitEnd();
        assertThat(Watched.ANSWERS).hasValueGreaterThan(ROWS + 1);
        assertRowsOfTheEngine();
    }

    @Test
    void liveSessionsGoOnFromASavepointAtAnotherParallelism() throws Exception {
        // Without an end, and one session after the other, or all might be answered before.
        String hints =
                "/*+ OPTIONS('prompts.source.monitor-interval' = '100 ms', 'max-sequences' = '1') */";
        Watched.reset(Watched.NEVER);
        start(hints, 2, new Configuration());
        // The one without a text is refused at once.
        await(() -> Watched.ANSWERS.get() >= 3);
        String savepoint = stop();
        assertThat(rows()).hasSizeBetween(3, ROWS - 1);

        start(hints, 3, new Configuration().set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint));
        await(() -> rows().size() > ROWS);
        stop();
        assertRowsOfTheEngine();
    }
}
