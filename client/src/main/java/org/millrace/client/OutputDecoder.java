// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.millrace.jobs.registry.WireFormats;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.RecordFormatException;
import org.millrace.schemas.WireFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decodes records of the topics that a job writes. Anybody may write there, too: a record that is
 * something else is skipped and counted, and the first one of each topic is logged. Not thread
 * safe.
 */
final class OutputDecoder {
    private static final Logger LOG = LoggerFactory.getLogger(OutputDecoder.class);

    private final WireFormat format;
    private final Map<String, Long> skippedByTopic = new HashMap<>();

    /**
     * @param kafka properties of Kafka's clients, which tell the format
     */
    OutputDecoder(Properties kafka) {
        this.format = WireFormats.reading(kafka);
    }

    /**
     * The value of a record, or empty if it is not what the codec reads.
     *
     * @throws IOException if the Schema Registry, if there is one, cannot be asked
     */
    <T extends SpecificRecord> Optional<T> decode(
            RecordCodec<T> codec, ConsumerRecord<byte[], byte[]> record) throws IOException {
        if (record.value() == null) {
            skip(codec, record, "no value");
            return Optional.empty();
        }
        try {
            return Optional.of(format.decode(codec, record.value()));
        } catch (RecordFormatException e) {
            skip(codec, record, e.getMessage());
            return Optional.empty();
        }
    }

    private void skip(RecordCodec<?> codec, ConsumerRecord<byte[], byte[]> record, String problem) {
        if (skippedByTopic.merge(record.topic(), 1L, Long::sum) == 1) {
            LOG.warn(
                    "Skipped a record that is no {}: topic={}, partition={}, offset={}: {}."
                            + " Others like it in this topic are only counted",
                    codec.name(),
                    record.topic(),
                    record.partition(),
                    record.offset(),
                    problem);
        }
    }

    /** Records that were skipped, of all topics. */
    long skipped() {
        return skippedByTopic.values().stream().mapToLong(Long::longValue).sum();
    }
}
