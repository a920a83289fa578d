// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads a topic to where it ends now: committed records, no consumer group. */
public final class TopicScan {
    private static final Logger LOG = LoggerFactory.getLogger(TopicScan.class);
    private static final Duration POLL = Duration.ofMillis(500);
    private static final long NEWEST = 256;
    private static final long WARN_NANOS = 10_000_000_000L;

    private TopicScan() {}

    /** Reads from the beginning what is before the first transaction that is open. */
    public static void scan(
            Properties kafka, String topic, Consumer<ConsumerRecord<byte[], byte[]>> records) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(kafka, "read_committed")) {
            List<TopicPartition> partitions = partitions(consumer, topic);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            read(consumer, ends, Long.MAX_VALUE, records);
        }
    }

    /**
     * Waits for the end of transactions that are open, and reads all from the beginning.
     *
     * @throws IllegalStateException if one stays open so long
     */
    public static void scanAll(
            Properties kafka,
            String topic,
            Duration patience,
            Consumer<ConsumerRecord<byte[], byte[]>> records) {
        Map<TopicPartition, Long> ends;
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(kafka, "read_uncommitted")) {
            ends = consumer.endOffsets(partitions(consumer, topic));
        }
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(kafka, "read_committed")) {
            consumer.assign(ends.keySet());
            consumer.seekToBeginning(ends.keySet());
            read(consumer, ends, patience.toNanos(), records);
        }
    }

    /**
     * Whether a committed record matches, of each partition the newest ones until one is {@code
     * older}.
     */
    static boolean anyNewest(
            Properties kafka,
            String topic,
            Predicate<ConsumerRecord<byte[], byte[]>> matches,
            Predicate<ConsumerRecord<byte[], byte[]>> older) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(kafka, "read_committed")) {
            List<TopicPartition> partitions = partitions(consumer, topic);
            Map<TopicPartition, Long> begins = consumer.beginningOffsets(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            for (TopicPartition partition : partitions) {
                long begin = begins.get(partition);
                long end = ends.get(partition);
                boolean[] found = {false, false};
                long start = end;
                for (long count = NEWEST; start > begin && !found[1]; count *= 4) {
                    start = Math.max(begin, end - count);
                    consumer.assign(List.of(partition));
                    consumer.seek(partition, start);
                    read(
                            consumer,
                            Map.of(partition, end),
                            Long.MAX_VALUE,
                            record -> {
                                found[0] |= matches.test(record);
                                found[1] |= older.test(record);
                            });
                    if (found[0]) {
                        return true;
                    }
                }
            }
            return false;
        }
    }

    /**
     * Reads what lies between two offsets of some partitions, of any topics, and waits for
     * transactions that are open in it.
     *
     * @param starts first offsets; what is no longer there is left out
     * @param ends of the same partitions, exclusive
     */
    static void scanBetween(
            Properties kafka,
            Map<TopicPartition, Long> starts,
            Map<TopicPartition, Long> ends,
            Consumer<ConsumerRecord<byte[], byte[]>> records) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(kafka, "read_committed")) {
            consumer.assign(ends.keySet());
            starts.forEach(consumer::seek);
            read(consumer, ends, Long.MAX_VALUE, records);
        }
    }

    /**
     * How many partitions a topic has.
     *
     * @throws UnknownTopicOrPartitionException if there is no such topic
     */
    public static int partitionCount(Properties kafka, String topic) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(kafka, "read_committed")) {
            return partitions(consumer, topic).size();
        }
    }

    private static void read(
            KafkaConsumer<byte[], byte[]> consumer,
            Map<TopicPartition, Long> ends,
            long patienceNanos,
            Consumer<ConsumerRecord<byte[], byte[]>> records) {
        long lastNanos = System.nanoTime();
        long warnedNanos = lastNanos;
        for (TopicPartition partition : ends.keySet()) {
            while (consumer.position(partition) < ends.get(partition)) {
                ConsumerRecords<byte[], byte[]> read = consumer.poll(POLL);
                read.forEach(records);
                if (!read.isEmpty()) {
                    lastNanos = System.nanoTime();
                    warnedNanos = lastNanos;
                } else if (System.nanoTime() - lastNanos > patienceNanos) {
                    throw new IllegalStateException(
                            "a transaction of another producer keeps "
                                    + partition
                                    + " from being read at offset="
                                    + consumer.position(partition)
                                    + "; try again when it has ended");
                } else if (System.nanoTime() - warnedNanos > WARN_NANOS) {
                    warnedNanos = System.nanoTime();
                    LOG.warn(
                            "Waiting to read {} at offset={}: a transaction is open there, or the"
                                    + " brokers do not answer",
                            partition,
                            consumer.position(partition));
                }
            }
        }
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Properties kafka, String isolation) {
        Properties properties = new Properties();
        properties.putAll(kafka);
        properties.put("isolation.level", isolation);
        properties.put("enable.auto.commit", "false");
        properties.put("auto.offset.reset", "earliest");
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
