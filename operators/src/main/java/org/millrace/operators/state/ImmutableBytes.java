// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

/**
 * Bytes in state that nobody changes once they are in here: an entry of a cache's slots, a cache's
 * header, an encoded record.
 *
 * @param array owned by this value
 */
public record ImmutableBytes(byte[] array) {}
