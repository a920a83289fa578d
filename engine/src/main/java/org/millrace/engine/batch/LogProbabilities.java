// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

/**
 * Log probabilities at temperature 1 of all tokens, from the logits; the sums are exact (see {@link
 * Candidates}).
 */
public final class LogProbabilities {
    private final float[] logits;
    private final Candidates candidates;

    /**
     * @param logits float[vocabulary], all finite; kept, not copied
     */
    public LogProbabilities(float[] logits) {
        this.logits = logits;
        this.candidates = new Candidates(logits);
    }

    /** The most likely token, the lowest id on ties. */
    public int best() {
        return candidates.id(0);
    }

    /** Natural log probability of a token. */
    public float of(int token) {
        return Sampler.logprob(candidates, logits[token]);
    }
}
