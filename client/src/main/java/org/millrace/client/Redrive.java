// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.millrace.jobs.AnswerTopics;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.Origin;
import org.millrace.jobs.TopicScan;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.RecordCodec;

/**
 * Sends dead letters to the prompts topic again, each once. What was sent says so itself: its
 * header {@value #HEADER} names the dead letter, and a dead letter that is named there is not sent
 * again, whichever filter it was sent by and however the earlier run ended. An original goes to the
 * partition that it came from. Records are written in transactions under one transactional id, so
 * that of two runs at a time the older one fails.
 */
final class Redrive {
    static final String HEADER = "millrace-redrive-of";
    private static final int TRANSACTION_RECORDS = 500;
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    /** Of the dead letter, not of the prompt. */
    private static final List<String> ANSWER_HEADERS =
            List.of(Origin.PROMPT_HEADER, AnswerTopics.TRANSACTION_HEADER);

    /**
     * What a run did.
     *
     * @param sent dead letters sent again
     * @param sentBefore matching ones that an earlier run has sent
     * @param incomplete matching ones without all of the original's bytes
     * @param moved of those sent, the ones whose partition the topic does not have, which went
     *     where their key puts them
     * @param skipped records of the topic that are no dead letters
     */
    record Result(int sent, int sentBefore, int incomplete, int moved, long skipped) {}

    private final Properties kafka;
    private final KafkaTopics topics;
    private final OutputDecoder decoder;
    private final DeadLetterFilter filter;
    private final Set<String> alreadySent = new HashSet<>();
    private final List<ProducerRecord<byte[], byte[]>> toSend = new ArrayList<>();
    private int sentBefore;
    private int incomplete;
    private int moved;
    private int partitions;

    Redrive(Properties kafka, KafkaTopics topics, DeadLetterFilter filter) {
        this.kafka = kafka;
        this.topics = topics;
        this.decoder = new OutputDecoder(kafka);
        this.filter = filter;
    }

    /**
     * Sends what matches and was not sent before.
     *
     * @param transactionRecords most records of one transaction
     */
    Result run(int transactionRecords) {
        Properties properties = new Properties();
        properties.putAll(kafka);
        properties.put("transactional.id", "millrace-redrive-" + topics.deadLetters());
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            // Ends what an earlier run has left open; only then the topic tells all that was sent.
            producer.initTransactions();
            find();
            for (int from = 0; from < toSend.size(); from += transactionRecords) {
                int to = Math.min(toSend.size(), from + transactionRecords);
                send(producer, toSend.subList(from, to));
            }
        }
        return result();
    }

    Result run() {
        return run(TRANSACTION_RECORDS);
    }

    /** What {@link #run} would do. */
    Result preview() {
        find();
        return result();
    }

    private Result result() {
        return new Result(toSend.size(), sentBefore, incomplete, moved, decoder.skipped());
    }

    private void find() {
        partitions = TopicScan.partitionCount(kafka, topics.prompts());
        // What an earlier run has sent may lie behind a transaction of somebody else.
        TopicScan.scanAll(kafka, topics.prompts(), PATIENCE, this::noteSent);
        TopicScan.scan(
                kafka,
                topics.deadLetters(),
                record -> decode(record).ifPresent(letter -> consider(record, letter)));
    }

    private void noteSent(ConsumerRecord<byte[], byte[]> prompt) {
        Header header = prompt.headers().lastHeader(HEADER);
        if (header != null) {
            alreadySent.add(new String(header.value(), StandardCharsets.UTF_8));
        }
    }

    private void consider(ConsumerRecord<byte[], byte[]> record, DeadLetter letter) {
        // Jobs with other prompts may write to the same dead letters.
        if (!letter.getTopic().equals(topics.prompts())
                || !filter.matches(letter, record.timestamp())) {
            return;
        }
        String name = record.topic() + "-" + record.partition() + "@" + record.offset();
        if (alreadySent.contains(name)) {
            sentBefore++;
        } else if (letter.getOriginal() == null
                || letter.getOriginal().remaining() < letter.getOriginalLength()) {
            incomplete++;
        } else {
            toSend.add(original(record, letter, name));
        }
    }

    private Optional<DeadLetter> decode(ConsumerRecord<byte[], byte[]> record) {
        try {
            return decoder.decode(RecordCodec.DEAD_LETTER, record);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private ProducerRecord<byte[], byte[]> original(
            ConsumerRecord<byte[], byte[]> record, DeadLetter letter, String name) {
        byte[] value = new byte[letter.getOriginal().remaining()];
        letter.getOriginal().duplicate().get(value);
        ProducerRecord<byte[], byte[]> original =
                new ProducerRecord<>(topics.prompts(), partition(letter), record.key(), value);
        record.headers().forEach(original.headers()::add);
        ANSWER_HEADERS.forEach(original.headers()::remove);
        original.headers().remove(HEADER).add(HEADER, name.getBytes(StandardCharsets.UTF_8));
        return original;
    }

    /** The partition to send to; null for the one that the key's hash gives. */
    private Integer partition(DeadLetter letter) {
        if (letter.getPartition() < partitions) {
            return letter.getPartition();
        }
        moved++;
        return null;
    }

    private static void send(
            KafkaProducer<byte[], byte[]> producer, List<ProducerRecord<byte[], byte[]>> records) {
        producer.beginTransaction();
        try {
            records.forEach(producer::send);
            producer.commitTransaction();
        } catch (KafkaException e) {
            throw new IllegalStateException(
                    "cannot send dead letters again; run it again, what was sent is not sent twice: "
                            + e.getMessage(),
                    e);
        }
    }
}
