// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.millrace.jobs.decode.RawRecord;
import org.millrace.schemas.Header;

/** Hands records on as they are. Looks at no byte of them, so it cannot fail. */
final class RawRecordDeserializer implements KafkaRecordDeserializationSchema<RawRecord> {
    private static final long serialVersionUID = 1L;

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<RawRecord> out) {
        List<Header> headers = new ArrayList<>();
        record.headers().forEach(header -> headers.add(header(header)));
        Origin origin =
                new Origin(
                        record.topic(),
                        record.partition(),
                        record.offset(),
                        record.timestamp(),
                        headers);
        out.collect(new RawRecord(record.key(), record.value(), origin));
    }

    private static Header header(org.apache.kafka.common.header.Header header) {
        byte[] value = header.value();
        return new Header(header.key(), value == null ? null : ByteBuffer.wrap(value));
    }

    @Override
    public TypeInformation<RawRecord> getProducedType() {
        return RawRecord.TYPE;
    }
}
