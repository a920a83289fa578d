package org.millrace.operators;

import java.util.List;

/**
 * Where a record of the prompts topic came from.
 *
 * @param offset in records
 * @param timestampMillis the record's Kafka timestamp, since the epoch
 * @param headers in their order, names may repeat
 */
public record Origin(
        String topic, int partition, long offset, long timestampMillis, List<Header> headers) {
    public Origin {
        headers = List.copyOf(headers);
    }
}
