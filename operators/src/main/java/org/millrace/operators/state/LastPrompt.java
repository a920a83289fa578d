// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

/**
 * The newest prompt of a session.
 *
 * @param timestampMillis its Kafka timestamp, since the epoch; never less than those of the prompts
 *     before
 * @param timerMillis when the session's age is looked at next, by the wall clock; 0 if by no timer
 */
public record LastPrompt(String topic, int partition, long timestampMillis, long timerMillis) {}
