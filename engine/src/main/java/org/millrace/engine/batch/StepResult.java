package org.millrace.engine.batch;

import java.util.List;

/**
 * What one step did.
 *
 * @param prefillTokens prompt positions computed
 * @param decodeTokens generated positions computed
 * @param tokens new tokens, at most one per sequence
 * @param finished sequences that left the batch in this step; their caches stay valid until closed
 */
public record StepResult(
        int prefillTokens, int decodeTokens, List<Token> tokens, List<Sequence> finished) {
    /**
     * A generated token.
     *
     * @param index position in the generation, from 0
     * @param text text that became complete with it, possibly empty; held back while it may start a
     *     stop string
     * @param logprob natural log probability, NaN if not asked for
     */
    public record Token(Sequence sequence, int index, int id, String text, float logprob) {}
}
