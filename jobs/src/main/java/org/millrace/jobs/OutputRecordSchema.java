// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.nio.charset.StandardCharsets;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.Header;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.TokenDelta;
import org.millrace.schemas.WireFormat;

/** Writes each kind of record to its topic, keyed by session, with the headers of the prompt. */
final class OutputRecordSchema implements KafkaRecordSerializationSchema<OutputRecord> {
    private static final long serialVersionUID = 1L;

    private final String tokensTopic;
    private final String completionsTopic;
    private final String deadLettersTopic;
    private final WireFormat format;

    OutputRecordSchema(KafkaTopics topics, WireFormat format) {
        this.tokensTopic = topics.tokens();
        this.completionsTopic = topics.completions();
        this.deadLettersTopic = topics.deadLetters();
        this.format = format;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(
            OutputRecord output, KafkaSinkContext context, Long timestampMillis) {
        byte[] key = output.key() == null ? null : output.key().getBytes(StandardCharsets.UTF_8);
        ProducerRecord<byte[], byte[]> record = record(key, output.value());
        output.headers().forEach(header -> record.headers().add(header.getName(), bytes(header)));
        return record;
    }

    private static byte[] bytes(Header header) {
        if (header.getValue() == null) {
            return null;
        }
        byte[] bytes = new byte[header.getValue().remaining()];
        header.getValue().duplicate().get(bytes);
        return bytes;
    }

    private ProducerRecord<byte[], byte[]> record(byte[] key, SpecificRecord value) {
        if (value instanceof TokenDelta token) {
            return new ProducerRecord<>(
                    tokensTopic, key, format.encode(RecordCodec.TOKEN_DELTA, token));
        } else if (value instanceof Completion completion) {
            return new ProducerRecord<>(
                    completionsTopic, key, format.encode(RecordCodec.COMPLETION, completion));
        } else if (value instanceof DeadLetter letter) {
            return new ProducerRecord<>(
                    deadLettersTopic, key, format.encode(RecordCodec.DEAD_LETTER, letter));
        }
        throw new IllegalArgumentException("no topic for " + value.getSchema().getName());
    }
}
