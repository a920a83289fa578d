// SPDX-License-Identifier: Apache-2.0
/**
 * The operator. A prompt's way: {@code Intake} queues it, {@code Admitting} brings it into the
 * {@code Batch}, {@code StepLoop} runs rounds, {@code TurnEnds} answers.
 */
package org.millrace.operators.generate;
