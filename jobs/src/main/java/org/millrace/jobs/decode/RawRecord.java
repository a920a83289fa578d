// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.decode;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.millrace.jobs.Origin;
import org.millrace.operators.types.ValueTypeInfo;

/**
 * A Kafka record as it was read. A source that decodes and throws would end the job, so bytes are
 * decoded by an operator. Nobody changes the arrays.
 *
 * @param key session id in UTF-8, if all is well; may be null
 * @param value a {@code PromptRequest}, if all is well; may be null
 */
public record RawRecord(byte[] key, byte[] value, Origin origin) {
    public static final TypeInformation<RawRecord> TYPE =
            new ValueTypeInfo<>(RawRecord.class, RawRecordSerializer.INSTANCE);
}
