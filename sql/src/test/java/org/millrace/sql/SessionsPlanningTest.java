// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Field;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.graph.StreamNode;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.millrace.operators.GenerationOptions;

/** What a table of answers refuses before anything runs. No file of a model is there. */
class SessionsPlanningTest {
    private static final String OPTIONS =
            "'uid' = 'chat', 'model' = '/models/m.gguf', 'prompts.connector' = 'filesystem',"
                    + " 'prompts.path' = '/prompts', 'prompts.format' = 'json'";

    private static String explain(EnvironmentSettings mode, String columns, String options) {
        TableEnvironment tables = TableEnvironment.create(mode);
        create(tables, columns, options);
        return tables.explainSql("SELECT * FROM answers");
    }

    private static void create(TableEnvironment tables, String columns, String options) {
        tables.executeSql(
                String.format(
                        "CREATE TABLE answers (%s) WITH ('connector' = 'millrace', %s)",
                        columns, options));
    }

    private static String explain(String columns, String options) {
        return explain(EnvironmentSettings.inStreamingMode(), columns, options);
    }

    @Test
    void aSubsetOfTheColumnsIsPlanned() {
        assertThat(explain("error STRING, answer STRING", OPTIONS)).contains("answers");
    }

    /** By which a savepoint of one query can be restored by another. */
    @Test
    void allOperatorsHaveAUidOfTheirOwn() {
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment();
        StreamTableEnvironment tables = StreamTableEnvironment.create(environment);
        create(tables, "answer STRING", OPTIONS + ", 'max-out-of-orderness' = '1 s'");
        tables.toDataStream(tables.from("answers")).sinkTo(new DiscardingSink<>());
        assertThat(environment.getStreamGraph(false).getStreamNodes())
                .extracting(StreamNode::getTransformationUID)
                .contains("chat-source", "chat-watermarks", "chat-prompts", "chat", "chat-answers");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            textBlock =
                    """
                    answer STRING | 'uid' = 'chat', 'prompts.connector' = 'filesystem' | model
                    answer STRING | 'model' = 'm', 'prompts.connector' = 'filesystem' | uid
                    answer STRING | 'model' = 'm', 'uid' = 'chat' | connector
                    answer STRING | %s, 'max_tokens' = '5' | max_tokens
                    answer STRING | %s, 'max-tokens' = '0' | maxTokens=0, must be >= 1
                    answer STRING | %s, 'threads' = 'many' | Could not parse value 'many' for key 'millrace.threads'
                    answer STRING | %s, 'max-sequences' = '0' | bad millrace.max-sequences: value=0
                    answer STRING | %s, 'session-ttl' = '1 h' | need event time: set max-out-of-orderness
                    answer STRING | %s, 'prompts.rows' = '1' | rows
                    reply STRING  | %s | bad column: `reply` STRING; allowed are
                    answer INT    | %s | bad column: `answer` INT; allowed are
                    prompt_time TIMESTAMP_LTZ(3) | %s | need event time: set max-out-of-orderness
                    """)
    void whatDoesNotFitIsRefusedByName(String columns, String options, String message) {
        assertThatThrownBy(() -> explain(columns, options.replace("%s", OPTIONS)))
                .hasStackTraceContaining(message);
    }

    @Test
    void batchModeIsRefused() {
        assertThatThrownBy(
                        () -> explain(EnvironmentSettings.inBatchMode(), "answer STRING", OPTIONS))
                .hasStackTraceContaining("execution.runtime-mode=BATCH, must be STREAMING");
    }

    @Test
    void allOptionsOfGenerationAreTaken() throws IllegalAccessException {
        Set<String> keys = new TreeSet<>();
        for (Field field : GenerationOptions.class.getFields()) {
            keys.add(((ConfigOption<?>) field.get(null)).key().replace("millrace.", ""));
        }
        assertThat(
                        MillraceTableOptions.generationOptions().stream()
                                .map(ConfigOption::key)
                                .collect(Collectors.toSet()))
                .isEqualTo(keys);
    }
}
