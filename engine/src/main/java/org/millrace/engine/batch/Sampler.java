// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

/**
 * Draws a token from logits: repetition penalty, temperature, top-k, top-p, min-p in this order,
 * then one draw keyed by seed and token index. A pure function; all sums are integers (see {@link
 * Candidates}).
 */
final class Sampler {
    /** A drawn token; {@code logprob} is NaN if it was not asked for. */
    record Sample(int id, float logprob) {}

    private Sampler() {}

    /**
     * @param logits float[vocabulary], all finite; overwritten
     * @param seen tokens that the repetition penalty applies to, any order, repeats allowed
     * @param index position of the token in its generation
     */
    static Sample sample(float[] logits, GenerationParams params, int[] seen, int index) {
        Candidates unscaled = params.logprobs() ? new Candidates(logits.clone()) : null;
        float[] original = params.logprobs() ? logits.clone() : null;
        if (params.repetitionPenalty() != 1f) {
            penalize(logits, params.repetitionPenalty(), seen);
        }
        int id =
                params.temperature() == 0f
                        ? new Candidates(logits).id(0)
                        : draw(logits, params, index);
        return new Sample(id, unscaled == null ? Float.NaN : logprob(unscaled, original[id]));
    }

    /** Natural log probability at temperature 1 of a token with this logit. */
    static float logprob(Candidates candidates, float logit) {
        return logprob(candidates.totalWeight(), candidates.largest(), logit);
    }

    /**
     * @param totalWeight of all tokens at temperature 1, in units of 2^-30
     * @param largest logit
     */
    static float logprob(long totalWeight, float largest, float logit) {
        double total = totalWeight / Candidates.UNIT;
        return (float) ((double) (logit - largest) - StrictMath.log(total));
    }

    private static void penalize(float[] logits, float penalty, int[] seen) {
        boolean[] done = new boolean[logits.length];
        for (int token : seen) {
            if (!done[token]) {
                done[token] = true;
                logits[token] =
                        logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
            }
        }
    }

    private static int draw(float[] logits, GenerationParams params, int index) {
        for (int i = 0; i < logits.length; i++) {
            logits[i] /= params.temperature();
        }
        Candidates candidates = new Candidates(logits);
        int count = kept(candidates, params);
        long total =
                count == candidates.count() ? candidates.totalWeight() : sum(candidates, count);
        long threshold =
                Math.multiplyHigh(
                        Philox.bits63(params.seed(), index), Math.multiplyExact(2, total));
        int rank = 0;
        long cumulated = candidates.weight(0);
        while (cumulated <= threshold) {
            cumulated += candidates.weight(++rank);
        }
        return candidates.id(rank);
    }

    /** Candidates left by top-k, top-p and min-p. */
    private static int kept(Candidates candidates, GenerationParams params) {
        int count = candidates.count();
        if (params.topK() > 0) {
            count = Math.min(count, params.topK());
        }
        if (params.topP() < 1f) {
            count = nucleus(candidates, count, params.topP());
        }
        if (params.minP() > 0f) {
            double least = params.minP() * Candidates.UNIT;
            int rank = 1;
            while (rank < count && candidates.weight(rank) >= least) {
                rank++;
            }
            count = rank;
        }
        return count;
    }

    /**
     * The shortest prefix whose weight reaches {@code p} of the total of the first {@code count}.
     */
    private static int nucleus(Candidates candidates, int count, float p) {
        long total =
                count == candidates.count() ? candidates.totalWeight() : sum(candidates, count);
        double wanted = (double) p * (double) total;
        long cumulated = 0;
        for (int rank = 0; rank < count; rank++) {
            cumulated += candidates.weight(rank);
            if ((double) cumulated >= wanted) {
                return rank + 1;
            }
        }
        return count;
    }

    private static long sum(Candidates candidates, int count) {
        long total = 0;
        for (int rank = 0; rank < count; rank++) {
            total += candidates.weight(rank);
        }
        return total;
    }
}
