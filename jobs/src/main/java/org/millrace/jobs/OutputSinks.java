// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.util.Properties;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaSinkBuilder;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.millrace.schemas.WireFormat;

/** The two sinks of a job. */
final class OutputSinks {
    static final String TRANSACTION_TIMEOUT = "transaction.timeout.ms";

    /**
     * Largest record, in bytes, unless it is configured: Kafka's 1 MiB is less than a long answer
     * with log probabilities can have. Managed brokers allow this much.
     */
    static final int MAX_RECORD_BYTES = 8 << 20;

    private static final String MAX_REQUEST_SIZE = "max.request.size";

    private OutputSinks() {}

    /** For tokens: visible at once. */
    static KafkaSink<OutputRecord> atLeastOnce(
            KafkaTopics topics, Properties kafka, WireFormat format) {
        return builder(topics, kafka, format)
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                .build();
    }

    /**
     * For completions and dead letters. One sink, so that one transaction covers both. Transaction
     * names are counted up: a pool of names wants topics that are known beforehand, and can leave a
     * transaction open after a downscale.
     */
    static Sink<OutputRecord> exactlyOnce(
            KafkaTopics topics, Properties kafka, WireFormat format, String transactionPrefix) {
        KafkaSink<OutputRecord> sink =
                builder(topics, kafka, format)
                        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
                        .setTransactionalIdPrefix(transactionPrefix)
                        .setTransactionNamingStrategy(TransactionNamingStrategy.INCREMENTING)
                        .build();
        return new AnswerSink(sink, topics, kafka, transactionPrefix);
    }

    private static KafkaSinkBuilder<OutputRecord> builder(
            KafkaTopics topics, Properties kafka, WireFormat format) {
        return KafkaSink.<OutputRecord>builder()
                .setKafkaProducerConfig(producer(kafka))
                .setBootstrapServers(kafka.getProperty("bootstrap.servers"))
                .setRecordSerializer(new OutputRecordSchema(topics, format));
    }

    /** The properties with defaults for producers. */
    static Properties producer(Properties kafka) {
        Properties producer = new Properties();
        producer.putAll(kafka);
        producer.putIfAbsent(MAX_REQUEST_SIZE, Integer.toString(MAX_RECORD_BYTES));
        return producer;
    }
}
