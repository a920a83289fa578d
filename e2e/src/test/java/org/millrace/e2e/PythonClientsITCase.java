// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.flink.configuration.Configuration;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.ProduceCommand;
import org.millrace.jobs.MillraceOptions;
import org.millrace.jobs.TopicScan;
import picocli.CommandLine;

/** The clients of {@code examples/python} with a broker and a job. */
@ExtendWith(TestCluster.Extension.class)
class PythonClientsITCase {
    private static final Path EXAMPLES = Path.of("..", "examples", "python");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long TIMEOUT_SECONDS = 60;
    private static final int PARTITIONS = 4;
    private static final List<String> SESSIONS =
            IntStream.range(0, 1000)
                    .mapToObj(i -> List.of("session-", "Straße/", "会話 ", "🧀").get(i % 4) + i)
                    .toList();

    private static PythonEnvironment python;

    @TempDir private Path directory;
    private TestCluster cluster;

    @BeforeAll
    static void fetchPackages() throws Exception {
        python = PythonEnvironment.with(EXAMPLES.resolve("requirements.txt"));
    }

    @BeforeEach
    void use(TestCluster shared) {
        cluster = shared;
    }

    @Test
    void twoTurnsOfASessionAreAnsweredInOrder() throws Exception {
        Configuration config = cluster.newJob();
        String completions = config.get(MillraceOptions.COMPLETIONS_TOPIC);
        sendAborted(completions);
        produce(
                config.get(MillraceOptions.PROMPTS_TOPIC),
                List.of(turn("first", "Was ist Käse?"), turn("second", "And cheese 🧀?")));
        RunningJob job = cluster.submit(config);
        List<JsonNode> answers = consume(completions, 2);

        try (Outputs outputs = new Outputs(cluster, config)) {
            outputs.await(job, o -> o.completions.size() >= 2);
            List<JsonNode> expected = new ArrayList<>();
            outputs.completions.forEach(completion -> expected.add(tree(completion.toString())));
            assertThat(answers).isEqualTo(expected);
        }
        assertThat(answers)
                .extracting(answer -> answer.get("requestId").asText())
                .containsExactly("first", "second");
        assertThat(answers)
                .allSatisfy(
                        answer -> {
                            assertThat(answer.get("sessionId").asText()).isEqualTo("Käserei");
                            assertThat(answer.get("tokenIds")).hasSize(8);
                        });
        assertThat(answers.get(1).at("/usage/reusedTokens").asInt()).isPositive();
    }

    @Test
    void javaAndPythonSendTheSameBytesToTheSamePartition() throws Exception {
        String topic = "python-and-java";
        try (Admin admin = Admin.create(cluster.kafka())) {
            admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
        }
        produce(topic, lines("sessionId", "requestId"));
        produceByJava(topic, lines("session", "request"));

        Map<String, List<String>> sent = new TreeMap<>();
        Set<Integer> partitions = new HashSet<>();
        TopicScan.scan(
                cluster.kafka(),
                topic,
                record -> {
                    partitions.add(record.partition());
                    sent.computeIfAbsent(text(record.key()), key -> new ArrayList<>())
                            .add(placeAndBytes(record));
                });
        assertThat(sent.keySet()).containsExactlyInAnyOrderElementsOf(SESSIONS);
        assertThat(sent.values().stream().filter(records -> records.size() != 2)).isEmpty();
        assertThat(sent.values().stream().filter(PythonClientsITCase::differ).limit(5)).isEmpty();
        assertThat(partitions).hasSize(PARTITIONS);
    }

    /** A record that nobody who reads committed ones may see, and that is no completion. */
    private void sendAborted(String topic) throws Exception {
        Properties properties = cluster.kafka();
        properties.put("transactional.id", "aborted-" + topic);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.initTransactions();
            producer.beginTransaction();
            for (int partition = 0; partition < TestCluster.SLOTS; partition++) {
                producer.send(new ProducerRecord<>(topic, partition, null, new byte[] {1})).get();
            }
            producer.abortTransaction();
        }
    }

    private void produce(String topic, List<String> lines) throws Exception {
        Path prompts = Files.write(directory.resolve("python.jsonl"), lines);
        Path log = directory.resolve("producer.log");
        Process producer =
                python.script(EXAMPLES.resolve("producer.py"), cluster.bootstrapServers(), topic)
                        .redirectInput(prompts.toFile())
                        .redirectOutput(log.toFile())
                        .redirectErrorStream(true)
                        .start();
        try {
            assertThat(producer.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(producer.exitValue()).as(Files.readString(log)).isZero();
        } finally {
            producer.destroyForcibly();
        }
    }

    private void produceByJava(String topic, List<String> lines) throws IOException {
        Path prompts = Files.write(directory.resolve("java.jsonl"), lines);
        int exitCode =
                new CommandLine(new ProduceCommand())
                        .execute(
                                "--bootstrap-servers",
                                cluster.bootstrapServers(),
                                "--prompts-topic",
                                topic,
                                prompts.toString());
        assertThat(exitCode).isZero();
    }

    /** The first answers that the Python consumer prints, fewer if it ends before. */
    private List<JsonNode> consume(String topic, int count) throws Exception {
        Path log = directory.resolve("consumer.log");
        Process consumer =
                python.script(EXAMPLES.resolve("consumer.py"), cluster.bootstrapServers(), topic)
                        .redirectError(log.toFile())
                        .start();
        BufferedReader printed = consumer.inputReader(StandardCharsets.UTF_8);
        try {
            List<JsonNode> answers =
                    CompletableFuture.supplyAsync(
                                    () ->
                                            printed.lines()
                                                    .limit(count)
                                                    .map(PythonClientsITCase::tree)
                                                    .toList())
                            .get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            assertThat(answers).as(Files.readString(log)).hasSize(count);
            return answers;
        } finally {
            consumer.destroyForcibly();
        }
    }

    private static String turn(String request, String question) {
        return "{\"sessionId\":\"Käserei\",\"requestId\":\""
                + request
                + "\",\"messages\":[{\"role\":\"user\",\"content\":\""
                + question
                + "\"}],\"limits\":{\"maxTokens\":8,\"ignoreEos\":true}}";
    }

    /** A prompt of each session; the fields are called differently in the two clients' files. */
    private static List<String> lines(String sessionField, String requestField) {
        return SESSIONS.stream()
                .map(
                        session ->
                                "{\""
                                        + sessionField
                                        + "\":\""
                                        + session
                                        + "\",\""
                                        + requestField
                                        + "\":\"r\",\"text\":\"Grüße\"}")
                .toList();
    }

    private static boolean differ(List<String> records) {
        return new HashSet<>(records).size() > 1;
    }

    private static String placeAndBytes(ConsumerRecord<byte[], byte[]> record) {
        return record.partition() + ": " + HexFormat.of().formatHex(record.value());
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static JsonNode tree(String json) {
        try {
            return JSON.readTree(json);
        } catch (IOException e) {
            throw new IllegalStateException(json, e);
        }
    }
}
