package org.millrace.jobs.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.RecordFormatException;

/**
 * Reads the topics of tokens, completions and dead letters, committed records only and without a
 * consumer group. Not thread safe.
 */
public final class OutputReader implements AutoCloseable {
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final KafkaTopics topics;

    private OutputReader(Properties kafka, KafkaTopics topics) {
        Properties properties = new Properties();
        properties.putAll(kafka);
        properties.put("isolation.level", "read_committed");
        properties.put("enable.auto.commit", "false");
        this.consumer =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        this.topics = topics;
        consumer.assign(
                List.of(topics.tokens(), topics.completions(), topics.deadLetters()).stream()
                        .flatMap(topic -> consumer.partitionsFor(topic).stream())
                        .map(info -> new TopicPartition(info.topic(), info.partition()))
                        .toList());
    }

    /** Reads from the first record on. */
    public static OutputReader fromBeginning(Properties kafka, KafkaTopics topics) {
        OutputReader reader = new OutputReader(kafka, topics);
        reader.consumer.seekToBeginning(reader.consumer.assignment());
        return reader;
    }

    /** Reads what is written from now on. */
    public static OutputReader fromEnd(Properties kafka, KafkaTopics topics) {
        OutputReader reader = new OutputReader(kafka, topics);
        reader.consumer.seekToEnd(reader.consumer.assignment());
        // Seeking is lazy: only asking for the position settles it.
        reader.consumer.assignment().forEach(reader.consumer::position);
        return reader;
    }

    /**
     * Waits for records: {@code TokenDelta}, {@code Completion} or {@code DeadLetter}.
     *
     * @throws RecordFormatException if a topic holds anything else
     */
    public List<SpecificRecord> poll(Duration timeout) throws RecordFormatException {
        List<SpecificRecord> outputs = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(timeout)) {
            outputs.add(decode(record));
        }
        return outputs;
    }

    private SpecificRecord decode(ConsumerRecord<byte[], byte[]> record)
            throws RecordFormatException {
        if (record.topic().equals(topics.tokens())) {
            return RecordCodec.TOKEN_DELTA.decode(record.value());
        }
        if (record.topic().equals(topics.completions())) {
            return RecordCodec.COMPLETION.decode(record.value());
        }
        return RecordCodec.DEAD_LETTER.decode(record.value());
    }

    @Override
    public void close() {
        consumer.close();
    }
}
