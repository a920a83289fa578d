// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.millrace.schemas.Header;

/**
 * Where a record of the prompts topic came from.
 *
 * @param offset in records
 * @param timestampMillis the record's Kafka timestamp, since the epoch
 * @param headers in their order, names may repeat
 */
public record Origin(
        String topic, int partition, long offset, long timestampMillis, List<Header> headers) {
    /** Most {@link #headerBytes}: answers and dead letters carry the headers, too. */
    public static final int MAX_HEADER_BYTES = 64 * 1024;

    /**
     * Header of what answers a prompt: {@code TOPIC/PARTITION/OFFSET} of that prompt, UTF-8. Each
     * record of the prompts topic gets one answer at most.
     */
    public static final String PROMPT_HEADER = "millrace-prompt";

    public Origin {
        headers = List.copyOf(headers);
    }

    /** The headers that came with the prompt, and {@link #PROMPT_HEADER}. */
    public List<Header> answerHeaders() {
        return withPosition(headers);
    }

    /** The same for a dead letter: too many headers may be what is wrong with the record. */
    public List<Header> deadLetterHeaders() {
        return withPosition(headerBytes() > MAX_HEADER_BYTES ? List.of() : headers);
    }

    private List<Header> withPosition(List<Header> kept) {
        return OutputRecord.withHeader(kept, PROMPT_HEADER, topic + "/" + partition + "/" + offset);
    }

    /** Size of all headers: names, values and their lengths. */
    public long headerBytes() {
        return headers.stream().mapToLong(Origin::bytes).sum();
    }

    private static long bytes(Header header) {
        int value = header.getValue() == null ? 0 : header.getValue().remaining();
        return 2L * Integer.BYTES
                + header.getName().getBytes(StandardCharsets.UTF_8).length
                + value;
    }
}
