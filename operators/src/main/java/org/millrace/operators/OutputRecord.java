package org.millrace.operators;

import java.util.List;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.millrace.operators.types.OutputRecordSerializer;
import org.millrace.operators.types.ValueTypeInfo;

/**
 * A record for one of the output topics. A value: nobody changes the Avro record once it is in
 * here.
 *
 * @param key session id, the Kafka key; null only for a dead letter whose session could not be read
 * @param value a {@code Completion}, {@code TokenDelta} or {@code DeadLetter}
 * @param headers of the prompt that it answers
 */
public record OutputRecord(String key, SpecificRecord value, List<Header> headers) {
    public static final TypeInformation<OutputRecord> TYPE =
            new ValueTypeInfo<>(OutputRecord.class, OutputRecordSerializer.INSTANCE);

    public OutputRecord {
        headers = List.copyOf(headers);
    }
}
