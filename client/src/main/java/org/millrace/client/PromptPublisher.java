// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.millrace.jobs.registry.WireFormats;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.WireFormat;

/**
 * Writes prompts to their topic, in the order of calls within a session. Thread safe; close waits
 * for what is under way.
 */
public final class PromptPublisher implements AutoCloseable {
    private final KafkaProducer<byte[], byte[]> producer;
    private final String topic;
    private final WireFormat format;

    /**
     * @throws IOException if the Schema Registry, if there is one, does not take the schema
     */
    public PromptPublisher(Properties kafka, String topic) throws IOException {
        this.format = WireFormats.writing(kafka, Map.of(RecordCodec.PROMPT_REQUEST, topic));
        Properties properties = new Properties();
        properties.putAll(kafka);
        properties.putIfAbsent("acks", "all");
        this.producer =
                new KafkaProducer<>(
                        properties, new ByteArraySerializer(), new ByteArraySerializer());
        this.topic = topic;
    }

    /** Sends a request; the future tells where it went. */
    public CompletableFuture<RecordMetadata> publish(PromptRequest request) {
        return publish(
                request.getSessionId().getBytes(StandardCharsets.UTF_8),
                format.encode(RecordCodec.PROMPT_REQUEST, request));
    }

    /** Sends any bytes. */
    CompletableFuture<RecordMetadata> publish(byte[] key, byte[] value) {
        CompletableFuture<RecordMetadata> sent = new CompletableFuture<>();
        producer.send(
                new ProducerRecord<>(topic, key, value),
                (metadata, failure) -> {
                    if (failure == null) {
                        sent.complete(metadata);
                    } else {
                        sent.completeExceptionally(failure);
                    }
                });
        return sent;
    }

    /** Waits until all that was published is with the brokers. */
    public void flush() {
        producer.flush();
    }

    @Override
    public void close() {
        producer.close();
    }
}
