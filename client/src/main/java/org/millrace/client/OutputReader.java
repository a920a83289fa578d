// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.RecordCodec;

/**
 * Reads the topics of tokens, completions and dead letters, committed records only and without a
 * consumer group. Not thread safe.
 */
public final class OutputReader implements AutoCloseable {
    private static final Duration CREATION_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration RETRY = Duration.ofMillis(100);

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final KafkaTopics topics;
    private final OutputDecoder decoder;

    private OutputReader(Properties kafka, KafkaTopics topics) {
        Properties properties = new Properties();
        properties.putAll(kafka);
        properties.put("isolation.level", "read_committed");
        properties.put("enable.auto.commit", "false");
        // A reader with a wrong name must not make a topic of it.
        properties.put("allow.auto.create.topics", "false");
        this.consumer =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        this.topics = topics;
        this.decoder = new OutputDecoder(kafka);
        consumer.assign(
                List.of(topics.tokens(), topics.completions(), topics.deadLetters()).stream()
                        .flatMap(topic -> partitions(topic).stream())
                        .map(info -> new TopicPartition(info.topic(), info.partition()))
                        .toList());
    }

    /** Waits for a topic that a job which starts has still to create. */
    private List<PartitionInfo> partitions(String topic) {
        long deadlineNanos = System.nanoTime() + CREATION_TIMEOUT.toNanos();
        List<PartitionInfo> partitions = consumer.partitionsFor(topic);
        while (partitions == null || partitions.isEmpty()) {
            if (System.nanoTime() > deadlineNanos) {
                consumer.close();
                throw new UnknownTopicOrPartitionException(
                        "no such topic after " + CREATION_TIMEOUT.toSeconds() + " s: " + topic);
            }
            LockSupport.parkNanos(RETRY.toNanos());
            partitions = consumer.partitionsFor(topic);
        }
        return partitions;
    }

    /**
     * Reads from the first record on.
     *
     * @throws UnknownTopicOrPartitionException if a topic does not exist and is not created soon
     */
    public static OutputReader fromBeginning(Properties kafka, KafkaTopics topics) {
        OutputReader reader = new OutputReader(kafka, topics);
        reader.consumer.seekToBeginning(reader.consumer.assignment());
        return reader;
    }

    /**
     * Reads what is written from now on.
     *
     * @throws UnknownTopicOrPartitionException if a topic does not exist and is not created soon
     */
    public static OutputReader fromEnd(Properties kafka, KafkaTopics topics) {
        OutputReader reader = new OutputReader(kafka, topics);
        reader.consumer.seekToEnd(reader.consumer.assignment());
        // Seeking is lazy: only asking for the position settles it.
        reader.consumer.assignment().forEach(reader.consumer::position);
        return reader;
    }

    /**
     * Waits for records: {@code TokenDelta}, {@code Completion} or {@code DeadLetter}. Anything
     * else in a topic is skipped.
     *
     * @throws IOException if the Schema Registry, if there is one, cannot be asked
     */
    public List<SpecificRecord> poll(Duration timeout) throws IOException {
        List<SpecificRecord> outputs = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(timeout)) {
            decoder.decode(codec(record.topic()), record).ifPresent(outputs::add);
        }
        return outputs;
    }

    /**
     * The records that are left before the present ends of the topics, as far as they are
     * committed: of an output that nobody writes any more, all.
     *
     * @throws IOException if the Schema Registry, if there is one, cannot be asked
     */
    public List<SpecificRecord> readToEnd() throws IOException {
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
        List<SpecificRecord> outputs = new ArrayList<>();
        while (ends.entrySet().stream()
                .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            outputs.addAll(poll(RETRY));
        }
        return outputs;
    }

    private RecordCodec<? extends SpecificRecord> codec(String topic) {
        if (topic.equals(topics.tokens())) {
            return RecordCodec.TOKEN_DELTA;
        }
        return topic.equals(topics.completions())
                ? RecordCodec.COMPLETION
                : RecordCodec.DEAD_LETTER;
    }

    /** Records that were skipped because they are not what their topic is for. */
    public long skipped() {
        return decoder.skipped();
    }

    @Override
    public void close() {
        consumer.close();
    }
}
