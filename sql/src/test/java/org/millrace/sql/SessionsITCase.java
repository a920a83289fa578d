// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.functions.ScalarFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;

/** Sessions by the statements of a file, on a cluster in this process. */
@Timeout(120)
class SessionsITCase {
    private static final int SESSIONS = 10;
    private static final int ROWS = 2 * SESSIONS;

    /** Of {@code sessions.sql}. */
    private static final EngineOptions ENGINE =
            new EngineOptions(
                    TinyModel.path(),
                    new ModelOptions(KvType.INT8, ActivationType.INT8, "reference", 1),
                    new GeneratorOptions(16 << 20, 256, 16));

    private static final GenerationParams PARAMS =
            new GenerationParams(12, 0.8f, 0, 1f, 0f, 1f, 11, List.of(), false, false);

    @TempDir private Path directory;

    /** Fails the task that it runs in, at a given call. */
    public static final class FailOnce extends ScalarFunction {
        private static final long serialVersionUID = 1L;
        static final AtomicInteger CALLS_BEFORE = new AtomicInteger();

        public String eval(String text) {
            if (CALLS_BEFORE.getAndDecrement() == 0) {
                throw new IllegalStateException("failed once, as the test wants");
            }
            return text;
        }

        /** Or the planner might call it once and keep the result. */
        @Override
        public boolean isDeterministic() {
            return false;
        }
    }

    private static Map<String, Object> prompt(int id, String text) {
        Map<String, Object> row = new HashMap<>();
        row.put("session", "s" + id % SESSIONS);
        row.put("request", Integer.toString(id));
        row.put("prompt", text);
        row.put("event_time", String.format("2026-01-01T00:00:%02dZ", id));
        return row;
    }

    private List<JsonNode> run(String run, int callsBeforeFailure) throws Exception {
        FailOnce.CALLS_BEFORE.set(callsBeforeFailure);
        Configuration config = new Configuration();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 2);
        config.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(64));
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(100));
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 3);
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(1));
        TableEnvironment tables =
                TableEnvironment.create(
                        EnvironmentSettings.newInstance().withConfiguration(config).build());
        tables.createTemporarySystemFunction("fail_once", FailOnce.class);
        Path output = directory.resolve(run);
        SqlScript.read(
                        "sessions.sql",
                        Map.of(
                                "model",
                                TinyModel.path(),
                                "input",
                                directory.resolve("prompts"),
                                "output",
                                output))
                .run(tables);
        return JsonRows.read(output);
    }

    @Test
    void turnsGoOnFromTheirSessionAndComeOnceAcrossAFailure() throws Exception {
        List<Map<String, Object>> prompts = new ArrayList<>();
        for (int id = 0; id < ROWS; id++) {
            prompts.add(prompt(id, "What is " + "so ".repeat(id) + "new?"));
        }
        prompts.add(prompt(ROWS, ""));
        JsonRows.write(directory.resolve("prompts"), prompts);

        List<JsonNode> undisturbed = run("undisturbed", Integer.MAX_VALUE);
        assertThat(undisturbed).hasSize(ROWS + 1);
        try (DirectAnswers engine = new DirectAnswers(ENGINE)) {
            for (int id = 0; id < SESSIONS; id++) {
                JsonNode first = undisturbed.get(id);
                Answer.Generated expected =
                        engine.answer(null, (String) prompts.get(id).get("prompt"), PARAMS);
                assertThat(first.get("answer").textValue()).isEqualTo(expected.text());
                assertThat(first.get("prompt_tokens").intValue())
                        .isEqualTo(expected.promptTokens());
                assertThat(first.get("generated_tokens").intValue())
                        .isEqualTo(expected.generatedTokens());
                assertThat(first.get("reused_tokens").intValue()).isZero();

                JsonNode second = undisturbed.get(SESSIONS + id);
                assertThat(second.get("session")).isEqualTo(first.get("session"));
                // The last token of an answer is not in the cache yet.
                assertThat(second.get("reused_tokens").intValue())
                        .isBetween(
                                expected.promptTokens() + expected.generatedTokens() - 1,
                                expected.promptTokens() + expected.generatedTokens());
                assertThat(second.get("prompt_time").textValue())
                        .isEqualTo(String.format("2026-01-01 00:00:%02dZ", SESSIONS + id));
            }
        }
        assertThat(undisturbed.get(ROWS).get("error").textValue())
                .isEqualTo("empty_prompt: neither text nor a message has any content");
        assertThat(undisturbed.get(ROWS).get("answer").isNull()).isTrue();

        assertThat(run("failed", ROWS / 2)).isEqualTo(undisturbed);
        assertThat(FailOnce.CALLS_BEFORE).hasNegativeValue();
    }
}
