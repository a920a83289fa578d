// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.function.ToIntFunction;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.flink.configuration.Configuration;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.ConsumeCommand;
import org.millrace.client.ProduceCommand;
import org.millrace.client.RedriveCommand;
import org.millrace.jobs.KafkaProperties;
import org.millrace.jobs.MillraceOptions;
import org.millrace.jobs.registry.TestRegistry;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.TokenDelta;
import picocli.CommandLine;

/** The job and its clients with records in Confluent's wire format. */
@ExtendWith(TestCluster.Extension.class)
class SchemaRegistryITCase {
    private static final int RETRIES_OF_A_TASK = 6;

    @Test
    void promptsOfManyWritersAreAnsweredAndNoneIsLostInAnOutage(
            TestCluster cluster, @TempDir Path directory) throws Exception {
        Configuration config = cluster.newJob();
        try (TestRegistry registry = new TestRegistry()) {
            config.set(MillraceOptions.SCHEMA_REGISTRY_URL, registry.url());
            Properties kafka = KafkaProperties.load(config);
            RunningJob job = cluster.submit(config);
            try (Outputs outputs = new Outputs(kafka, config)) {
                assertThat(produce(config, directory, "ours")).isZero();
                send(config, "older", RecordCodec.PROMPT_REQUEST.encode(request("older")));
                send(config, "later", laterVersion(registry::register, "traceId", "later"));
                send(config, "s", header(99));
                send(config, "s", header(registry.idOf(tokens(config) + "-value")));
                send(config, "s", "{}".getBytes(StandardCharsets.UTF_8));
                outputs.await(job, o -> o.completions.size() + o.deadLetters.size() >= 6);

                byte[] unseen = laterVersion(registry::register, "spanId", "outage");
                int id = ByteBuffer.wrap(unseen).getInt(1);
                registry.refuseWith(503);
                send(config, "outage", unseen);
                while (registry.requests("GET /schemas/ids/" + id) <= RETRIES_OF_A_TASK) {
                    job.checkRunning();
                    Thread.sleep(50);
                }
                registry.refuseWith(0);
                outputs.await(job, o -> o.completions.size() >= 4);
                job.stop();
                outputs.drain();

                assertThat(outputs.completions)
                        .extracting(Completion::getSessionId)
                        .containsExactlyInAnyOrder("ours", "older", "later", "outage");
                assertThat(outputs.deadLetters)
                        .extracting(DeadLetter::getReason)
                        .containsExactlyInAnyOrder(
                                "unknown_schema", "incompatible_schema", "not_avro");
                assertThat(outputs.tokens)
                        .extracting(TokenDelta::getSessionId)
                        .contains("ours", "older", "later", "outage");
            }
            assertThat(consume(config)).contains("\"sessionId\": \"outage\"");
            assertThat(execute(new RedriveCommand(), config, "--dry-run")).isZero();
        }
    }

    /** As a serializer of Confluent's writes it whose schema has one field more. */
    static byte[] laterVersion(ToIntFunction<String> register, String field, String session)
            throws IOException {
        String text =
                RecordCodec.PROMPT_REQUEST
                        .schemaText()
                        .replaceFirst(
                                "\"fields\":\\[",
                                "\"fields\":[{\"name\":\""
                                        + field
                                        + "\",\"type\":\"string\",\"default\":\"\"},");
        Schema schema = new Schema.Parser().parse(text);
        GenericRecord limits =
                new GenericRecordBuilder(schema.getField("limits").schema())
                        .set("maxTokens", 4)
                        .set("ignoreEos", true)
                        .build();
        GenericRecord request =
                new GenericRecordBuilder(schema)
                        .set(field, "x")
                        .set("sessionId", session)
                        .set("requestId", "r")
                        .set("text", "Hello there")
                        .set("limits", limits)
                        .build();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(header(register.applyAsInt(text)));
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
        new GenericDatumWriter<>(schema).write(request, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    static byte[] header(int id) {
        return ByteBuffer.allocate(5).putInt(1, id).array();
    }

    static PromptRequest request(String session) {
        return PromptRequest.newBuilder()
                .setSessionId(session)
                .setRequestId("r")
                .setText("Hello there")
                .setLimits(GenerationLimits.newBuilder().setMaxTokens(4).setIgnoreEos(true).build())
                .build();
    }

    static String tokens(Configuration config) {
        return config.get(MillraceOptions.TOKENS_TOPIC);
    }

    /** All to one partition, so that it is one subtask that meets the outage. */
    static void send(Configuration config, String session, byte[] value) throws IOException {
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        KafkaProperties.load(config),
                        new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            producer.send(
                    new ProducerRecord<>(
                            config.get(MillraceOptions.PROMPTS_TOPIC),
                            0,
                            session.getBytes(StandardCharsets.UTF_8),
                            value));
        }
    }

    static int produce(Configuration config, Path directory, String session) throws IOException {
        Path file = directory.resolve("prompts.jsonl");
        Files.writeString(
                file,
                "{\"session\":\""
                        + session
                        + "\",\"request\":\"r\",\"text\":\"Hello there\",\"maxTokens\":4}\n");
        return execute(new ProduceCommand(), config, file.toString());
    }

    static String consume(Configuration config) {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        ConsumeCommand command = new ConsumeCommand(new PrintStream(printed));
        assertThat(execute(command, config, "--json", "--until", "7", "--timeout", "30")).isZero();
        return printed.toString(StandardCharsets.UTF_8);
    }

    static int execute(Object command, Configuration config, String... more) {
        List<String> arguments =
                List.of(
                        "--bootstrap-servers",
                        config.get(MillraceOptions.BOOTSTRAP_SERVERS),
                        "--schema-registry",
                        config.get(MillraceOptions.SCHEMA_REGISTRY_URL),
                        "--prompts-topic",
                        config.get(MillraceOptions.PROMPTS_TOPIC),
                        "--tokens-topic",
                        tokens(config),
                        "--completions-topic",
                        config.get(MillraceOptions.COMPLETIONS_TOPIC),
                        "--dead-letters-topic",
                        config.get(MillraceOptions.DEAD_LETTERS_TOPIC));
        String[] all = Arrays.copyOf(more, more.length + arguments.size());
        for (int i = 0; i < arguments.size(); i++) {
            all[more.length + i] = arguments.get(i);
        }
        return new CommandLine(command).execute(all);
    }
}
