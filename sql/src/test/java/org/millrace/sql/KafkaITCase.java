// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
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
import org.apache.flink.types.Row;
import org.apache.flink.util.CollectionUtil;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.client.broker.EmbeddedBroker;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.schemas.Completion;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.Usage;

/** Topics of a broker in this process as tables. */
@Timeout(240)
class KafkaITCase {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int SESSIONS = 6;

    /** Of {@code kafka-sessions.sql}. */
    private static final EngineOptions ENGINE =
            new EngineOptions(
                    TinyModel.path().toString(),
                    new ModelOptions(KvType.INT8, ActivationType.INT8, "reference", 1),
                    new GeneratorOptions(16 << 20, 256, 16));

    private static final GenerationParams PARAMS =
            new GenerationParams(24, 0.8f, 0, 1f, 0f, 1f, 11, List.of(), false, false);

    @TempDir private static Path directory;
    private static EmbeddedBroker broker;
    private JobClient job;

    @BeforeAll
    static void startBroker() throws Exception {
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
        try (Admin admin =
                Admin.create(
                        Map.of(
                                AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG,
                                broker.bootstrapServers()))) {
            admin.createTopics(
                            List.of(
                                    new NewTopic("prompts", 2, (short) 1),
                                    new NewTopic("results", 2, (short) 1),
                                    new NewTopic("completions", 1, (short) 1)))
                    .all()
                    .get();
        }
    }

    @AfterAll
    static void stopBroker() {
        broker.close();
    }

    @AfterEach
    void cancelJob() throws Exception {
        if (job != null && !job.getJobExecutionResult().isDone()) {
            job.cancel().get();
        }
    }

    private static void send(List<ProducerRecord<byte[], byte[]>> records) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers()),
                        new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            for (ProducerRecord<byte[], byte[]> record : records) {
                producer.send(record).get();
            }
        }
    }

    /** The sessions' turns of this number, each session in one partition. */
    private static void sendTurn(int turn) throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int session = 0; session < SESSIONS; session++) {
            records.add(
                    new ProducerRecord<>(
                            "prompts",
                            session % 2,
                            null,
                            JSON.writeValueAsBytes(
                                    Map.of(
                                            "session",
                                            "s" + session,
                                            "request",
                                            "t" + turn,
                                            "prompt",
                                            prompt(session, turn)))));
        }
        send(records);
    }

    private static String prompt(int session, int turn) {
        return "What is " + "so ".repeat(session + turn) + "new?";
    }

    /** All committed rows, by session and turn. */
    private static List<JsonNode> results() throws IOException {
        List<JsonNode> rows = new ArrayList<>();
        List<TopicPartition> partitions =
                List.of(new TopicPartition("results", 0), new TopicPartition("results", 1));
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        Map.of(
                                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                                broker.bootstrapServers(),
                                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                                "read_committed"),
                        new ByteArrayDeserializer(),
                        new ByteArrayDeserializer())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(100))) {
                    rows.add(JSON.readTree(record.value()));
                }
            }
        }
        rows.sort(
                Comparator.comparing((JsonNode row) -> row.get("session").textValue())
                        .thenComparing(row -> row.get("request").textValue()));
        return rows;
    }

    private void awaitResults(int count) throws Exception {
        while (results().size() < count) {
            assertThat(job.getJobExecutionResult()).isNotDone();
            Thread.sleep(100);
        }
    }

    private void start(String answer, Configuration config) throws IOException {
        config.set(CoreOptions.DEFAULT_PARALLELISM, 2);
        config.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(64));
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
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
                                "kafka-sessions.sql",
                                Map.of(
                                        "model",
                                        TinyModel.path(),
                                        "servers",
                                        broker.bootstrapServers(),
                                        "answer",
                                        answer))
                        .start(tables)
                        .getJobClient()
                        .orElseThrow();
    }

    private String stop() throws Exception {
        return job.stopWithSavepoint(
                        false, directory.toUri().toString(), SavepointFormatType.CANONICAL)
                .get(60, TimeUnit.SECONDS);
    }

    private static void assertRow(JsonNode row, int session, int turn, String answer) {
        assertThat(row.get("session").textValue()).isEqualTo("s" + session);
        assertThat(row.get("request").textValue()).isEqualTo("t" + turn);
        assertThat(row.get("error").isNull()).isTrue();
        assertThat(row.get("answer").textValue()).isEqualTo(answer);
        assertThat(row.get("reused_tokens").intValue() > 0).isEqualTo(turn > 0);
    }

    @Test
    void sessionsGoOnAfterAFailureAndByAChangedQueryAndEachAnswerComesOnce() throws Exception {
        Watched.reset(SESSIONS / 2);
        start("watched(answer)", new Configuration());
        sendTurn(0);
        awaitResults(SESSIONS);
        sendTurn(1);
        awaitResults(2 * SESSIONS);
        String savepoint = stop();
        assertThat(Watched.ANSWERS).hasValueGreaterThan(2 * SESSIONS);

        start(
                "'> ' || answer",
                new Configuration()
                        .set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint)
                        .set(StateRecoveryOptions.SAVEPOINT_IGNORE_UNCLAIMED_STATE, true));
        sendTurn(2);
        awaitResults(3 * SESSIONS);
        stop();

        List<JsonNode> rows = results();
        assertThat(rows).hasSize(3 * SESSIONS);
        try (DirectAnswers engine = new DirectAnswers(ENGINE)) {
            for (int session = 0; session < SESSIONS; session++) {
                List<Answer.Generated> turns =
                        engine.session(
                                List.of(prompt(session, 0), prompt(session, 1), prompt(session, 2)),
                                PARAMS);
                assertRow(rows.get(3 * session), session, 0, turns.get(0).text());
                assertRow(rows.get(3 * session + 1), session, 1, turns.get(1).text());
                assertRow(rows.get(3 * session + 2), session, 2, "> " + turns.get(2).text());
            }
        }
    }

    @Test
    void completionsOfATopicAreRows() throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (String session : List.of("s0", "s1")) {
            records.add(
                    new ProducerRecord<>(
                            "completions",
                            session.getBytes(StandardCharsets.UTF_8),
                            RecordCodec.COMPLETION.encode(
                                    Completion.newBuilder()
                                            .setSessionId(session)
                                            .setRequestId("r")
                                            .setText("Answer of " + session)
                                            .setFinishReason("stop")
                                            .setUsage(new Usage(5, 6, 7))
                                            .build())));
        }
        send(records);
        TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        List<Row> rows =
                CollectionUtil.iteratorToList(
                        SqlScript.read(
                                        "completions.sql",
                                        Map.of("servers", broker.bootstrapServers()))
                                .start(tables)
                                .collect());
        assertThat(rows)
                .containsExactly(Row.of("s0", "Answer of s0"), Row.of("s1", "Answer of s1"));
    }
}
