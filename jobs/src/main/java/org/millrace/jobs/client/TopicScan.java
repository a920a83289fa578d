package org.millrace.jobs.client;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads a topic from its beginning to where it ends now: committed records, no consumer group. */
final class TopicScan {
    private static final Duration POLL = Duration.ofMillis(500);

    private TopicScan() {}

    /** Reads what is before the first transaction that is open. */
    static void scan(
            Properties kafka, String topic, Consumer<ConsumerRecord<byte[], byte[]>> records) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(kafka, "read_committed")) {
            List<TopicPartition> partitions = partitions(consumer, topic);
            read(consumer, partitions, consumer.endOffsets(partitions), Long.MAX_VALUE, records);
        }
    }

    /**
     * Waits for the end of transactions that are open, and reads all.
     *
     * @throws IllegalStateException if one stays open so long
     */
    static void scanAll(
            Properties kafka,
            String topic,
            Duration patience,
            Consumer<ConsumerRecord<byte[], byte[]>> records) {
        Map<TopicPartition, Long> ends;
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(kafka, "read_uncommitted")) {
            ends = consumer.endOffsets(partitions(consumer, topic));
        }
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(kafka, "read_committed")) {
            read(consumer, ends.keySet(), ends, patience.toNanos(), records);
        }
    }

    private static void read(
            KafkaConsumer<byte[], byte[]> consumer,
            Collection<TopicPartition> partitions,
            Map<TopicPartition, Long> ends,
            long patienceNanos,
            Consumer<ConsumerRecord<byte[], byte[]>> records) {
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        long lastNanos = System.nanoTime();
        for (TopicPartition partition : partitions) {
            while (consumer.position(partition) < ends.get(partition)) {
                ConsumerRecords<byte[], byte[]> read = consumer.poll(POLL);
                read.forEach(records);
                if (!read.isEmpty()) {
                    lastNanos = System.nanoTime();
                } else if (System.nanoTime() - lastNanos > patienceNanos) {
                    throw new IllegalStateException(
                            "a transaction of another producer keeps "
                                    + partition
                                    + " from being read at offset="
                                    + consumer.position(partition)
                                    + "; try again when it has ended");
                }
            }
        }
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Properties kafka, String isolation) {
        Properties properties = new Properties();
        properties.putAll(kafka);
        properties.put("isolation.level", isolation);
        properties.put("enable.auto.commit", "false");
        // A reader with a wrong name must not make a topic of it.
        properties.put("allow.auto.create.topics", "false");
        return new KafkaConsumer<>(
                properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static List<TopicPartition> partitions(
            KafkaConsumer<byte[], byte[]> consumer, String topic) {
        List<PartitionInfo> partitions = consumer.partitionsFor(topic);
        if (partitions == null || partitions.isEmpty()) {
            throw new UnknownTopicOrPartitionException("no such topic: " + topic);
        }
        return partitions.stream()
                .map(info -> new TopicPartition(topic, info.partition()))
                .toList();
    }
}
