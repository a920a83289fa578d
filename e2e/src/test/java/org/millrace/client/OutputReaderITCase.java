// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.millrace.e2e.TestCluster;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.RecordCodec;

@ExtendWith(TestCluster.Extension.class)
@Timeout(60)
class OutputReaderITCase {
    private static final KafkaTopics TOPICS =
            new KafkaTopics("late-prompts", "late-tokens", "late-answers", "late-letters");

    @Test
    void readsTopicsThatAreCreatedWhileItStarts(TestCluster cluster) throws Exception {
        Properties kafka = cluster.kafka();
        CompletableFuture<OutputReader> starting =
                CompletableFuture.supplyAsync(() -> OutputReader.fromBeginning(kafka, TOPICS));
        try (Admin admin = Admin.create(kafka)) {
            for (String topic :
                    List.of(TOPICS.tokens(), TOPICS.completions(), TOPICS.deadLetters())) {
                TimeUnit.MILLISECONDS.sleep(300);
                assertThat(starting).isNotDone();
                admin.createTopics(List.of(new NewTopic(topic, Optional.of(2), Optional.empty())))
                        .all()
                        .get();
            }
        }
        DeadLetter letter = DeadLetter.newBuilder().setReason("failed").build();
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
            byte[] value = RecordCodec.DEAD_LETTER.encode(letter);
            for (String topic : List.of(TOPICS.tokens(), TOPICS.completions())) {
                producer.send(new ProducerRecord<>(topic, value)).get();
            }
            producer.send(new ProducerRecord<>(TOPICS.deadLetters(), 0, null, null)).get();
            producer.send(new ProducerRecord<>(TOPICS.deadLetters(), 0, null, new byte[3])).get();
            producer.send(new ProducerRecord<>(TOPICS.deadLetters(), value)).get();
        }
        try (OutputReader reader = starting.get()) {
            List<SpecificRecord> outputs = new ArrayList<>();
            while (outputs.isEmpty() || reader.skipped() < 4) {
                outputs.addAll(reader.poll(Duration.ofMillis(100)));
            }
            assertThat(outputs).containsExactly(letter);
            assertThat(reader.skipped()).isEqualTo(4);
        }
    }
}
