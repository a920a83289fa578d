// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.flink.configuration.Configuration;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.millrace.e2e.TestCluster;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.jobs.TopicScan;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.RecordCodec;
import picocli.CommandLine;

@ExtendWith(TestCluster.Extension.class)
class RedriveITCase {
    private static final DeadLetterFilter ALL =
            new DeadLetterFilter(Set.of(), Set.of(), null, null);

    private Properties kafka;
    private KafkaTopics topics;
    private TestCluster cluster;

    @BeforeEach
    void newTopics(TestCluster shared) throws Exception {
        cluster = shared;
        Configuration config = cluster.newJob();
        topics = KafkaTopics.of(config);
        kafka = cluster.kafka();
    }

    @Test
    void sendsWhatMatchesOnceHoweverOftenItIsAsked() {
        deadLetter("s1", "failed", "one", 3);
        deadLetter("s2", "pool_too_small", "two", 3);
        deadLetter("s3", "too_large", "cut", 999);

        DeadLetterFilter failed = new DeadLetterFilter(Set.of("failed"), Set.of(), null, null);
        assertThat(redrive(failed).preview()).isEqualTo(new Redrive.Result(1, 0, 0, 0, 0));
        assertThat(redrive(failed).run()).isEqualTo(new Redrive.Result(1, 0, 0, 0, 0));
        assertThat(redrive(ALL).run()).isEqualTo(new Redrive.Result(1, 1, 1, 0, 0));
        assertThat(redrive(ALL).run()).isEqualTo(new Redrive.Result(0, 2, 1, 0, 0));
        assertThat(prompts()).containsExactlyInAnyOrder("s1:one", "s2:two");
    }

    @Test
    void goesOnWhereAKilledRunWas() {
        for (int i = 0; i < 10; i++) {
            deadLetter("s" + i, "failed", "original " + i, 10);
        }
        try (KafkaProducer<byte[], byte[]> killed =
                transactionalProducer("millrace-redrive-" + topics.deadLetters())) {
            killed.initTransactions();
            sendAsRedrive(killed, 0);
            killed.commitTransaction();
            sendAsRedrive(killed, 1);
            killed.flush();

            assertThat(redrive(ALL).run(3)).isEqualTo(new Redrive.Result(9, 1, 0, 0, 0));
        }
        assertThat(prompts()).hasSize(10).doesNotHaveDuplicates();
    }

    /** What is behind an open transaction is not read until it ends. */
    @Test
    void waitsForATransactionOfSomebodyElse() {
        deadLetter("s0", "failed", "original 0", 10);
        try (KafkaProducer<byte[], byte[]> other = transactionalProducer("other")) {
            other.initTransactions();
            other.beginTransaction();
            other.send(new ProducerRecord<>(topics.prompts(), bytes("s0"), bytes("other")));
            other.flush();
            try (KafkaProducer<byte[], byte[]> before = transactionalProducer("before")) {
                before.initTransactions();
                sendAsRedrive(before, 0);
                before.commitTransaction();
            }
            CompletableFuture.delayedExecutor(2, TimeUnit.SECONDS)
                    .execute(other::commitTransaction);
            assertThat(redrive(ALL).run()).isEqualTo(new Redrive.Result(0, 1, 0, 0, 0));
        }
        assertThat(prompts()).containsExactly("s0:other", "s0:original 0");
    }

    @Test
    void lettersOfOtherPromptsAreLeftAlone() {
        deadLetter("other-prompts", "s1", "failed", "one", 3);
        deadLetter("s2", "failed", "two", 3);
        assertThat(redrive(ALL).run()).isEqualTo(new Redrive.Result(1, 0, 0, 0, 0));
        assertThat(prompts()).containsExactly("s2:two");
    }

    /** Also where another client's partitioner had put it. */
    @Test
    void anOriginalGoesToThePartitionItCameFrom() {
        for (int partition = 0; partition < TestCluster.SLOTS; partition++) {
            deadLetter("s1", partition, "came from " + partition);
        }
        assertThat(redrive(ALL).run()).isEqualTo(new Redrive.Result(3, 0, 0, 0, 0));
        assertThat(places())
                .containsExactlyInAnyOrder("0:came from 0", "1:came from 1", "2:came from 2");
    }

    @Test
    void whereThePartitionIsGoneTheKeyTellsAndTheCommandSaysSo() {
        deadLetter("s1", 0, "there");
        for (int i = 0; i < 8; i++) {
            deadLetter("s" + i, TestCluster.SLOTS, "gone " + i);
        }
        assertThat(redrive(ALL).preview()).isEqualTo(new Redrive.Result(9, 0, 0, 8, 0));
        assertThat(command())
                .isEqualTo(
                        "9 dead letters sent to "
                                + topics.prompts()
                                + "; left out: 0 sent before, 0 without the whole original, 0"
                                + " other records; of 8 the topic no longer has the partition:"
                                + " they go where their key puts them");
        List<String> expected = new ArrayList<>(List.of("0:there"));
        for (int i = 0; i < 8; i++) {
            expected.add(
                    BuiltInPartitioner.partitionForKey(bytes("s" + i), TestCluster.SLOTS)
                            + ":gone "
                            + i);
        }
        assertThat(places()).containsExactlyInAnyOrderElementsOf(expected);
    }

    @Test
    void whatIsNoDeadLetterIsSkippedAndCounted() throws Exception {
        cluster.publishGarbage(topics.deadLetters());
        deadLetter("s1", "failed", "one", 3);
        assertThat(redrive(ALL).run()).isEqualTo(new Redrive.Result(1, 0, 0, 0, 1));
        assertThat(prompts()).containsExactly("s1:one");
    }

    @Test
    void aTopicThatIsNotThereIsNamed() {
        Configuration config = new Configuration();
        config.set(MillraceOptions.PROMPTS_TOPIC, "no-such-prompts");
        Redrive redrive = new Redrive(kafka, KafkaTopics.of(config), ALL);
        assertThatThrownBy(redrive::preview).hasMessageContaining("no such topic: no-such-prompts");
    }

    @Test
    void theCommandTellsWhatItDid() {
        deadLetter("s1", "failed", "one", 3);
        assertThat(command("--session", "s1", "--json"))
                .isEqualTo(
                        "{\"dry_run\":false,\"sent\":1,\"sent_before\":0,\"incomplete\":0,\"moved\":0,\"skipped\":0}");
    }

    private String command(String... more) {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        List<String> arguments =
                new ArrayList<>(
                        List.of(
                                "--bootstrap-servers",
                                cluster.bootstrapServers(),
                                "--prompts-topic",
                                topics.prompts(),
                                "--dead-letters-topic",
                                topics.deadLetters()));
        arguments.addAll(List.of(more));
        int exitCode =
                new CommandLine(new RedriveCommand(new PrintStream(printed)))
                        .execute(arguments.toArray(String[]::new));
        assertThat(exitCode).isZero();
        return printed.toString(StandardCharsets.UTF_8).strip();
    }

    private Redrive redrive(DeadLetterFilter filter) {
        return new Redrive(kafka, topics, filter);
    }

    private KafkaProducer<byte[], byte[]> transactionalProducer(String id) {
        Properties properties = new Properties();
        properties.putAll(kafka);
        properties.put("transactional.id", id);
        return new KafkaProducer<>(
                properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** As a run does that is killed before its commit; the letters are in the order of sessions. */
    private void sendAsRedrive(KafkaProducer<byte[], byte[]> producer, int number) {
        List<String> names = new ArrayList<>();
        TopicScan.scan(
                kafka,
                topics.deadLetters(),
                letter -> {
                    if (new String(letter.key(), StandardCharsets.UTF_8).equals("s" + number)) {
                        names.add(
                                letter.topic() + "-" + letter.partition() + "@" + letter.offset());
                    }
                });
        ProducerRecord<byte[], byte[]> record =
                new ProducerRecord<>(
                        topics.prompts(), bytes("s" + number), bytes("original " + number));
        record.headers().add(Redrive.HEADER, bytes(names.get(0)));
        producer.beginTransaction();
        producer.send(record);
    }

    private void deadLetter(String session, String reason, String original, long length) {
        deadLetter(topics.prompts(), session, reason, original, length);
    }

    private void deadLetter(
            String topic, String session, String reason, String original, long length) {
        send(letter(topic, session, original).setReason(reason).setOriginalLength(length));
    }

    private void deadLetter(String session, int partition, String original) {
        send(letter(topics.prompts(), session, original).setPartition(partition));
    }

    private static DeadLetter.Builder letter(String topic, String session, String original) {
        return DeadLetter.newBuilder()
                .setTopic(topic)
                .setSessionId(session)
                .setReason("failed")
                .setOriginal(ByteBuffer.wrap(bytes(original)))
                .setOriginalLength(bytes(original).length);
    }

    private void send(DeadLetter.Builder letter) {
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(
                    new ProducerRecord<>(
                            topics.deadLetters(),
                            bytes(letter.getSessionId()),
                            RecordCodec.DEAD_LETTER.encode(letter.build())));
        }
    }

    private List<String> prompts() {
        return prompts(record -> text(record.key()) + ":" + text(record.value()));
    }

    private List<String> places() {
        return prompts(record -> record.partition() + ":" + text(record.value()));
    }

    private List<String> prompts(Function<ConsumerRecord<byte[], byte[]>, String> shown) {
        List<String> prompts = new ArrayList<>();
        TopicScan.scan(kafka, topics.prompts(), record -> prompts.add(shown.apply(record)));
        return prompts;
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
