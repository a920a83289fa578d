// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

/**
 * Limits of one {@link Generator}.
 *
 * @param poolBytes memory of the page pool, allocated at once
 * @param maxBatchTokens token budget of a step: decode rows first, prompt chunks fill the rest
 * @param maxSequences most sequences in one batch
 */
public record GeneratorOptions(long poolBytes, int maxBatchTokens, int maxSequences) {}
