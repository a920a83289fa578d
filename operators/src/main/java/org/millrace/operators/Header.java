// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

/**
 * A header of a Kafka record, copied from a prompt to what answers it.
 *
 * @param value the bytes as they came, or null; not changed by anybody
 */
public record Header(String name, byte[] value) {}
