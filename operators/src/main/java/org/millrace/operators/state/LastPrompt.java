// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

/**
 * The newest prompt of a session.
 *
 * @param timestampMillis its event time, since the epoch; never less than those of the prompts
 *     before
 * @param timerMillis event time at which the session's age is looked at next; 0 for never
 */
public record LastPrompt(long timestampMillis, long timerMillis) {}
