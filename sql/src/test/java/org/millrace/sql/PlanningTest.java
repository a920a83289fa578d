// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is refused before anything runs, and by which words. No file of a model is there. */
class PlanningTest {
    private static final String INPUT = "prompt STRING";
    private static final String OUTPUT = "answer STRING";
    private static final String OPTIONS = "'model' = '/models/m.gguf'";

    private TableEnvironment tables;

    @BeforeEach
    void createTable() {
        tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        tables.executeSql(
                "CREATE TABLE prompts (id INT, prompt STRING, system_prompt STRING) WITH"
                        + " ('connector' = 'datagen')");
    }

    private String explain(String input, String output, String options, String columns) {
        return explain(input, output, options, columns, "MAP['async', 'true']");
    }

    private String explain(
            String input, String output, String options, String columns, String config) {
        tables.executeSql(
                String.format(
                        "CREATE MODEL chat INPUT (%s) OUTPUT (%s) WITH ('provider' = 'millrace',"
                                + " %s)",
                        input, output, options));
        return tables.explainSql(
                String.format(
                        "SELECT * FROM ML_PREDICT(TABLE prompts, MODEL chat, DESCRIPTOR(%s), %s)",
                        columns, config));
    }

    @Test
    void allColumnsAndOptionsTogetherArePlanned() {
        assertThat(
                        explain(
                                "system_prompt STRING, question VARCHAR(100)",
                                "logprob DOUBLE, error STRING, reply STRING, generated_tokens INT,"
                                        + " finish_reason STRING, prompt_tokens INT",
                                "'model' = 'file:///models/m.gguf', 'max-tokens' = '8',"
                                        + " 'temperature' = '0.7', 'top-k' = '40', 'top-p' = '0.9',"
                                        + " 'min-p' = '0.05', 'repetition-penalty' = '1.1', 'seed' ="
                                        + " '7', 'stop' = 'END;\"\n\n"
                                        + "\"', 'system-prompt' = 'Be brief.', 'chat' = 'true',"
                                        + " 'retention' = 'fastgen keep=0.5', 'kv-type' = 'f16',"
                                        + " 'kernels' = 'cuda:1', 'threads' = '2', 'max-sequences' ="
                                        + " '16', 'max-batch-tokens' = '128', 'pool-memory' = '64 mb'",
                                "system_prompt, prompt"))
                .contains("MLPredictTableFunction");
    }

    @Test
    void aSubsetOfTheOutputIsPlanned() {
        assertThat(explain(INPUT, "prompt_tokens INT", OPTIONS, "prompt")).contains("MLPredict");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            textBlock =
                    """
                    'max-tokens' = '0'           | maxTokens=0, must be >= 1
                    'temperature' = '-1'         | temperature=-1.0, must be 0 or in [1e-6, 100]
                    'temperature' = 'warm'       | Could not parse value 'warm' for key 'temperature'
                    'top-k' = '-1'               | topK=-1, must be >= 0
                    'top-p' = '1.5'              | topP=1.5, must be in (0, 1]
                    'min-p' = '1'                | minP=1.0, must be in [0, 1)
                    'repetition-penalty' = '0'   | repetitionPenalty=0.0, must be in [1e-6, 100]
                    'stop' = 'a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q' | stopStrings=17, must be at most 16
                    'retention' = 'most'         | policy=most
                    'kv-type' = 'int4'           | Could not parse value 'int4' for key 'kv-type'
                    'kernels' = 'tpu'            | kernels=tpu, must be auto, cuda, cuda:N, cpu
                    'threads' = '-1'             | threads=-1, must be >= 0
                    'max-sequences' = '0'        | max-sequences=0, must be >= 1
                    'max-batch-tokens' = '63'    | max-batch-tokens=63, must be >= 64
                    'pool-memory' = 'big'        | Could not parse value 'big' for key 'pool-memory'
                    'max_tokens' = '5'           | max_tokens
                    'chat' = 'false', 'system-prompt' = 'Be brief.' | chat=false, must be true
                    """)
    void aBadOptionIsRefusedByName(String option, String message) {
        assertThatThrownBy(() -> explain(INPUT, OUTPUT, OPTIONS + ", " + option, "prompt"))
                .hasStackTraceContaining(message);
    }

    @Test
    void aBlankModelIsRefused() {
        assertThatThrownBy(() -> explain(INPUT, OUTPUT, "'model' = ' '", "prompt"))
                .rootCause()
                .hasMessageContaining("model=' ', must be a path or a URI");
    }

    @Test
    void aModelIsRequired() {
        assertThatThrownBy(() -> explain(INPUT, OUTPUT, "'seed' = '1'", "prompt"))
                .rootCause()
                .hasMessageContaining("model");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    answer STRING, reason STRING        | `reason` STRING
                    tokens INT                          | `tokens` INT
                    answer STRING, prompt_tokens BIGINT | `prompt_tokens` BIGINT
                    answer VARCHAR(10)                  | `answer` VARCHAR(10)
                    answer STRING NOT NULL              | `answer` STRING NOT NULL
                    answer STRING, logprob FLOAT        | `logprob` FLOAT
                    error INT                           | `error` INT
                    """)
    void anOutputColumnThatNobodyKnowsIsRefusedWithTheAllowedOnes(String output, String column) {
        assertThatThrownBy(() -> explain(INPUT, output, OPTIONS, "prompt"))
                .rootCause()
                .hasMessageContaining("bad OUTPUT column: " + column + ";")
                .hasMessageContaining(
                        "[(any other name) STRING, finish_reason STRING, prompt_tokens INT,"
                                + " generated_tokens INT, logprob DOUBLE, error STRING]");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    prompt INT                       | id             | bad INPUT column: `prompt` INT;
                    system_prompt STRING             | system_prompt  | prompts=0
                    a STRING, b STRING               | prompt, system_prompt | columns=[a, b], prompts=2
                    prompt STRING, system_prompt STRING     | prompt, system_prompt | chat=false, must be true
                    """)
    void anInputColumnThatNobodyKnowsIsRefused(String input, String columns, String message) {
        String options = OPTIONS + (message.startsWith("chat") ? ", 'chat' = 'false'" : "");
        assertThatThrownBy(() -> explain(input, OUTPUT, options, columns))
                .rootCause()
                .hasMessageContaining(message);
    }

    @Test
    void aSynchronousCallIsRefused() {
        assertThatThrownBy(() -> explain(INPUT, OUTPUT, OPTIONS, "prompt", "MAP['async', 'false']"))
                .hasMessageContaining("doesn't support sync mode");
    }

    @Test
    void anUnknownKeyOfTheConfigIsRefused() {
        assertThatThrownBy(
                        () -> explain(INPUT, OUTPUT, OPTIONS, "prompt", "MAP['capacity', '100']"))
                .hasMessageContaining("key=capacity, must be one of [async, max-concurrent");
    }
}
