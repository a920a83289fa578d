// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.GeneratorOptions;

/**
 * The example in Python, on PyFlink of this Flink's version. The first run fetches some 700 MB of
 * packages, which stay below {@code target}.
 */
@Tag("nightly")
class PythonITCase {
    private static final Path ENVIRONMENT = Path.of("target/python").toAbsolutePath();
    private static final Path PYTHON = ENVIRONMENT.resolve("bin/python");
    private static final int MAX_TOKENS = 12;

    @TempDir private Path directory;

    private void run(List<String> command) throws Exception {
        ChildProcess.run(directory.resolve("log"), Duration.ofMinutes(10), command);
    }

    private void installFlink() throws Exception {
        if (!Files.exists(ENVIRONMENT.resolve("bin/pyflink-shell.sh"))) {
            run(List.of("python3", "-m", "venv", ENVIRONMENT.toString()));
            String flink = "apache-flink==" + EnvironmentInformation.getVersion();
            run(List.of(PYTHON.toString(), "-m", "pip", "install", "--quiet", flink));
        }
    }

    @Test
    void theExampleAnswersAsTheEngineDoes() throws Exception {
        installFlink();
        Path prompts = directory.resolve("prompts");
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int id = 0; id < 6; id++) {
            rows.add(Map.of("id", id, "question", "What is new on day " + id + "?"));
        }
        JsonRows.write(prompts, rows);
        Path answers = directory.resolve("answers");
        run(
                List.of(
                        PYTHON.toString(),
                        Path.of("../examples/python/sql_job.py").toString(),
                        "--jar",
                        "target/millrace-sql.jar",
                        "--model",
                        TinyModel.path().toString(),
                        "--prompts",
                        prompts.toString(),
                        "--answers",
                        answers.toString(),
                        "--max-tokens",
                        Integer.toString(MAX_TOKENS)));
        List<JsonNode> answered = JsonRows.read(answers);
        assertThat(answered).hasSize(rows.size());
        EngineOptions options =
                new EngineOptions(
                        TinyModel.path().toString(),
                        ModelOptions.defaults(),
                        new GeneratorOptions(8 << 20, 64, 1));
        try (DirectAnswers engine = new DirectAnswers(options)) {
            for (int id = 0; id < rows.size(); id++) {
                String question = (String) rows.get(id).get("question");
                Answer.Generated expected =
                        engine.answer(null, question, GenerationParams.greedy(MAX_TOKENS));
                assertThat(answered.get(id).get("answer").textValue()).isEqualTo(expected.text());
                assertThat(answered.get(id).get("error").isNull()).isTrue();
            }
        }
    }
}
