// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

/** What a model predicts at one position: a distribution over the vocabulary. */
final class Prediction {
    private final float[] logits;
    private final double logSum;
    private final int best;

    /** float[vocabulary]; null until something is compared with this. */
    private float[] probabilities;

    private double negativeEntropy;
    private double total;

    /**
     * @param logits float[vocabulary]; kept, not copied
     */
    Prediction(float[] logits) {
        this.logits = logits;
        int largest = 0;
        for (int i = 1; i < logits.length; i++) {
            largest = logits[i] > logits[largest] ? i : largest;
        }
        double max = logits[largest];
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - max);
        }
        best = largest;
        logSum = max + Math.log(sum);
    }

    /** The most likely token, the lowest id on ties. */
    int best() {
        return best;
    }

    /** Natural log probability of a token. */
    double logProbability(int token) {
        return logits[token] - logSum;
    }

    /** KL(this || other) in nats. */
    double divergenceTo(Prediction other) {
        prepare();
        double cross = 0;
        for (int i = 0; i < probabilities.length; i++) {
            cross += (double) probabilities[i] * other.logits[i];
        }
        return Math.max(0, negativeEntropy - (cross - total * other.logSum));
    }

    private void prepare() {
        if (probabilities != null) {
            return;
        }
        probabilities = new float[logits.length];
        for (int i = 0; i < logits.length; i++) {
            double logProbability = logits[i] - logSum;
            probabilities[i] = (float) Math.exp(logProbability);
            negativeEntropy += probabilities[i] * logProbability;
            total += probabilities[i];
        }
    }
}
