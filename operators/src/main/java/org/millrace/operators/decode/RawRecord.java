package org.millrace.operators.decode;

import java.util.List;

/**
 * A Kafka record as it was read. A source that decodes and throws would end the job, so bytes are decoded by an operator.
 *
 * @param key session id in UTF-8, if all is well; may be null
 * @param value a {@code PromptRequest}, if all is well; may be null
 * @param offset position in its partition, in records
 * @param timestampMillis Kafka's timestamp, in milliseconds since the epoch
 */
public record RawRecord(
        byte[] key,
        byte[] value,
        List<RecordHeader> headers,
        String topic,
        int partition,
        long offset,
        long timestampMillis) {}
