package org.millrace.operators.decode;

/**
 * A Kafka header, copied from a prompt to everything that answers it.
 *
 * @param value any bytes, or null
 */
public record RecordHeader(String key, byte[] value) {}
