// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.functions.ScalarFunction;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;

/** Statements of files on a cluster in this process, against the bare engine's answers. */
@Timeout(180)
class ModelITCase {
    private static final int PARALLELISM = 2;
    private static final int ROWS = 40;

    /** Of {@code answers.sql}. */
    private static final EngineOptions ENGINE =
            new EngineOptions(
                    TinyModel.path().toString(),
                    new ModelOptions(KvType.INT8, ActivationType.INT8, "reference", 1),
                    new GeneratorOptions(16 << 20, 256, 16));

    private static final GenerationParams PARAMS =
            new GenerationParams(24, 0.8f, 40, 1f, 0f, 1f, 11, List.of(), false, true);

    @TempDir private Path directory;

    private final List<Map<String, Object>> prompts = new ArrayList<>();

    @BeforeEach
    void writePrompts() {
        for (int i = 0; i < ROWS; i++) {
            String instruction = i % 3 == 0 ? null : "Count to " + i + ".";
            add("What is " + "so ".repeat(i) + "new?", instruction);
        }
    }

    private void add(String question, String instruction) {
        Map<String, Object> row = new HashMap<>();
        row.put("id", prompts.size());
        row.put("question", question);
        row.put("instruction", instruction);
        prompts.add(row);
    }

    private static TableEnvironment tables(RuntimeExecutionMode mode) {
        Configuration config = new Configuration();
        config.set(ExecutionOptions.RUNTIME_MODE, mode);
        config.set(CoreOptions.DEFAULT_PARALLELISM, PARALLELISM);
        if (mode == RuntimeExecutionMode.STREAMING) {
            config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(100));
        }
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 3);
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(1));
        return TableEnvironment.create(
                EnvironmentSettings.newInstance().withConfiguration(config).build());
    }

    private List<JsonNode> run(String script, TableEnvironment tables) throws Exception {
        return run(script, tables, "answer");
    }

    private List<JsonNode> run(String script, TableEnvironment tables, String answer)
            throws Exception {
        Path input = directory.resolve("prompts");
        Path output = directory.resolve("answers");
        JsonRows.write(input, prompts);
        SqlScript.read(
                        script,
                        Map.of(
                                "model",
                                TinyModel.path(),
                                "input",
                                input,
                                "output",
                                output,
                                "answer",
                                answer))
                .run(tables);
        return JsonRows.read(output);
    }

    private void assertRowsOfTheEngine(List<JsonNode> rows, int from, int to) {
        try (DirectAnswers engine = new DirectAnswers(ENGINE)) {
            for (int id = from; id < to; id++) {
                Map<String, Object> prompt = prompts.get(id);
                String instruction = (String) prompt.get("instruction");
                Answer.Generated expected =
                        engine.answer(
                                instruction == null ? "Be brief." : instruction,
                                (String) prompt.get("question"),
                                PARAMS);
                JsonNode row = rows.get(id);
                assertThat(row.get("id").intValue()).isEqualTo(id);
                assertThat(row.get("answer").textValue()).isEqualTo(expected.text());
                assertThat(row.get("finish_reason").textValue())
                        .isEqualToIgnoringCase(expected.finishReason().name());
                assertThat(row.get("prompt_tokens").intValue()).isEqualTo(expected.promptTokens());
                assertThat(row.get("generated_tokens").intValue())
                        .isEqualTo(expected.generatedTokens());
                assertThat(row.get("logprob").doubleValue()).isEqualTo(expected.logprob());
                assertThat(row.get("error").isNull()).isTrue();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = RuntimeExecutionMode.class,
            names = {"STREAMING", "BATCH"})
    void answersAreTheEnginesAndAllSubtasksShareOneBatch(RuntimeExecutionMode mode)
            throws Exception {
        try (SharedEngine.Lease lease = SharedEngine.lease(ENGINE)) {
            List<JsonNode> rows = run("answers.sql", tables(mode));
            assertThat(rows).hasSize(ROWS);
            assertRowsOfTheEngine(rows, 0, ROWS);
            int tokens =
                    rows.stream().mapToInt(row -> row.get("generated_tokens").intValue()).sum();
            SharedEngine engine = lease.engine();
            assertThat(engine.answeredRows()).isEqualTo(ROWS);
            // Each subtask has at most 8 rows in flight.
            assertThat((double) tokens / engine.steps()).isGreaterThan(8);
        }
    }

    @Test
    void rowsThatCannotBeAnsweredTellWhyAndTheOthersGoOn() throws Exception {
        add(null, "Count.");
        add("", null);
        add("so ".repeat(600), null);
        List<JsonNode> rows = run("answers.sql", tables(RuntimeExecutionMode.STREAMING));
        assertThat(rows).hasSize(ROWS + 3);
        assertRowsOfTheEngine(rows, 0, ROWS);

        assertThat(rows.get(ROWS).get("error").isNull()).isTrue();
        assertThat(rows.get(ROWS + 1).get("error").textValue())
                .isEqualTo("empty_prompt: promptCharacters=0, must be >= 1");
        assertThat(rows.get(ROWS + 2).get("error").textValue())
                .matches("prompt_too_long: promptTokens=\\d+, must be below contextLength=512");
        for (JsonNode row : rows.subList(ROWS, ROWS + 3)) {
            assertThat(row.get("answer").isNull()).isTrue();
            assertThat(row.get("finish_reason").isNull()).isTrue();
            assertThat(row.get("generated_tokens").isNull()).isTrue();
            assertThat(row.get("logprob").isNull()).isTrue();
        }
    }

    @Test
    void withoutAnErrorColumnSuchARowFailsTheJobByName() {
        assertThatThrownBy(() -> run("answers-only.sql", tables(RuntimeExecutionMode.STREAMING)))
                .hasStackTraceContaining("cannot answer a row: prompt_too_long: promptTokens=")
                .hasStackTraceContaining("with error STRING in the model's OUTPUT");
    }

    /** Fails the task that it runs in, once. */
    public static final class FailOnce extends ScalarFunction {
        private static final long serialVersionUID = 1L;
        private static final int ROWS_BEFORE = ROWS / 2;
        static final AtomicInteger CALLS = new AtomicInteger();

        public String eval(String text) {
            if (CALLS.incrementAndGet() == ROWS_BEFORE) {
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

    @Test
    void afterARestartAnswersAreTheSame() throws Exception {
        FailOnce.CALLS.set(0);
        TableEnvironment tables = tables(RuntimeExecutionMode.STREAMING);
        tables.createTemporarySystemFunction("fail_once", FailOnce.class);
        List<JsonNode> rows = run("answers.sql", tables, "fail_once(answer)");
        assertThat(FailOnce.CALLS).hasValueGreaterThan(ROWS);
        assertThat(rows).hasSize(ROWS);
        assertRowsOfTheEngine(rows, 0, ROWS);
    }
}
