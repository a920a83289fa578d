// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import org.apache.flink.configuration.Configuration;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.client.PromptPublisher;
import org.millrace.client.broker.EmbeddedBroker;
import org.millrace.e2e.TestCluster;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import picocli.CommandLine;

/** A run over what a topic of somebody else's broker holds ends by itself; the next one goes on. */
@Timeout(240)
class UntilEndITCase {
    @TempDir private Path directory;

    @Test
    void eachRunAnswersWhatIsNew() throws Exception {
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory.resolve("broker"), 0)) {
            Properties kafka = new Properties();
            kafka.setProperty("bootstrap.servers", broker.bootstrapServers());
            KafkaTopics topics = KafkaTopics.of(new Configuration());
            try (Admin admin = Admin.create(kafka)) {
                admin.createTopics(List.of(new NewTopic(topics.prompts(), 2, (short) 1)))
                        .all()
                        .get();
            }
            publish(kafka, topics, 0, 10);
            JsonNode first = run(broker);
            assertThat(first.get("completions").asInt()).isEqualTo(10);
            publishForeign(kafka, topics);
            publish(kafka, topics, 10, 15);
            JsonNode second = run(broker);
            assertThat(second.get("completions").asInt()).isEqualTo(15);
            assertThat(second.get("answered_before").asInt()).isBetween(10, 15);
            assertThat(first.get("skipped").asInt()).isZero();
            assertThat(second.get("skipped").asInt()).isEqualTo(3);
            assertThat(AnsweredSessions.read(kafka, topics, 15))
                    .hasSize(15)
                    .doesNotHaveDuplicates();
        }
    }

    /** Somebody else's records in the topics of answers. */
    private static void publishForeign(Properties kafka, KafkaTopics topics) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(topics.completions(), new byte[] {1, 2, 3})).get();
            producer.send(new ProducerRecord<>(topics.completions(), null)).get();
            producer.send(new ProducerRecord<>(topics.deadLetters(), new byte[0])).get();
        }
    }

    private static void publish(Properties kafka, KafkaTopics topics, int from, int to)
            throws Exception {
        try (PromptPublisher publisher = new PromptPublisher(kafka, topics.prompts())) {
            for (int row = from; row < to; row++) {
                publisher.publish(
                        PromptRequest.newBuilder()
                                .setSessionId("row-" + row)
                                .setRequestId("r")
                                .setText("Row number " + row)
                                .setLimits(
                                        GenerationLimits.newBuilder()
                                                .setMaxTokens(20)
                                                .setIgnoreEos(true)
                                                .build())
                                .build());
            }
        }
    }

    private JsonNode run(EmbeddedBroker broker) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        int exitCode =
                new CommandLine(new RunCommand(out))
                        .execute(
                                "--bootstrap-servers",
                                broker.bootstrapServers(),
                                "--until-end",
                                "--model",
                                TestCluster.tinyModel(),
                                "--work-dir",
                                directory.resolve("work").toString(),
                                "--json",
                                "-Drest.bind-port=0");
        assertThat(exitCode).isZero();
        return new ObjectMapper().readTree(bytes.toString(StandardCharsets.UTF_8));
    }
}
