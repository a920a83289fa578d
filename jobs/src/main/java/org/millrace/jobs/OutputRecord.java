// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.millrace.operators.types.ValueTypeInfo;
import org.millrace.schemas.Header;

/**
 * A record for one of the output topics. A value: nobody changes the Avro record once it is in
 * here.
 *
 * @param key session id, the Kafka key; null only for a dead letter whose session could not be read
 * @param value a {@code Completion}, {@code TokenDelta} or {@code DeadLetter}
 * @param headers of the prompt that it answers; of completions and dead letters also {@link
 *     Origin#PROMPT_HEADER}
 */
public record OutputRecord(String key, SpecificRecord value, List<Header> headers) {
    public static final TypeInformation<OutputRecord> TYPE =
            new ValueTypeInfo<>(OutputRecord.class, OutputRecordSerializer.INSTANCE);

    public OutputRecord {
        headers = List.copyOf(headers);
    }

    /** The same record with one more header, instead of any of that name. */
    public OutputRecord withHeader(String name, String headerValue) {
        return new OutputRecord(key, value, withHeader(headers, name, headerValue));
    }

    /** The text of the header of that name; null if there is none. */
    public String header(String name) {
        for (Header header : headers) {
            if (header.getName().equals(name)) {
                return StandardCharsets.UTF_8.decode(header.getValue().duplicate()).toString();
            }
        }
        return null;
    }

    static List<Header> withoutHeader(List<Header> headers, String name) {
        return headers.stream().filter(header -> !header.getName().equals(name)).toList();
    }

    static List<Header> withHeader(List<Header> headers, String name, String value) {
        List<Header> all = new ArrayList<>(headers);
        all.removeIf(header -> header.getName().equals(name));
        all.add(new Header(name, ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8))));
        return all;
    }
}
