// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

/** Why a generation ended. */
public enum FinishReason {
    /** An end-of-sequence token. */
    STOP,
    /** A stop string. */
    STOP_STRING,
    /** {@code maxTokens} reached. */
    LENGTH,
    /** The model's context is full. */
    CONTEXT,
    CANCELLED,
    DEADLINE,
    /** A value that is not finite in activations, cache or logits. */
    NON_FINITE,
    /** Not a generation: a session's cache was compressed between its turns. */
    RESTED
}
