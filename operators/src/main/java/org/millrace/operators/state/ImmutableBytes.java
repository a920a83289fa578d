package org.millrace.operators.state;

/**
 * Bytes in state that nobody changes once they are in here: a cache page, a cache's header or
 * tails, an encoded record.
 *
 * @param array owned by this value
 */
public record ImmutableBytes(byte[] array) {}
