// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

/**
 * Limits of one {@link Generator}.
 *
 * @param poolBytes memory of the page pool, allocated at once
 * @param maxBatchTokens token budget of a step: decode rows first, prompt chunks fill the rest
 * @param maxSequences most sequences in one batch
 * @param maxStepMillis how long a step that brings tokens should take: prompt chunks are cut so
 *     that it is expected to, as long as an eighth of {@code maxBatchTokens} is left for them
 */
public record GeneratorOptions(
        long poolBytes, int maxBatchTokens, int maxSequences, int maxStepMillis) {
    /** Leaves room up to 300 ms between tokens for what is not foreseen. */
    public static final int DEFAULT_MAX_STEP_MILLIS = 200;

    /** With the default bound on a step's time. */
    public GeneratorOptions(long poolBytes, int maxBatchTokens, int maxSequences) {
        this(poolBytes, maxBatchTokens, maxSequences, DEFAULT_MAX_STEP_MILLIS);
    }
}
