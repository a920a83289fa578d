// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import java.util.Random;
import org.junit.jupiter.api.Test;

class PredictionTest {
    @Test
    void agreesWithTheDefinition() {
        float[] p = logits(1);
        float[] q = logits(2);
        double divergence = 0;
        for (int i = 0; i < p.length; i++) {
            divergence += probability(p, i) * Math.log(probability(p, i) / probability(q, i));
        }
        Prediction first = new Prediction(p);
        Prediction second = new Prediction(q);
        assertThat(first.divergenceTo(second)).isCloseTo(divergence, offset(1e-5));
        assertThat(first.logProbability(7)).isCloseTo(Math.log(probability(p, 7)), offset(1e-12));
        assertThat(first.best()).isEqualTo(argmax(p));
    }

    @Test
    void nothingDivergesFromItself() {
        Prediction prediction = new Prediction(logits(3));
        assertThat(prediction.divergenceTo(new Prediction(logits(3)))).isLessThan(1e-12);
    }

    @Test
    void theLowestIdWinsATie() {
        assertThat(new Prediction(new float[] {1, 3, 2, 3}).best()).isEqualTo(1);
    }

    private static float[] logits(long seed) {
        Random random = new Random(seed);
        float[] logits = new float[1000];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) (3 * random.nextGaussian());
        }
        return logits;
    }

    private static double probability(float[] logits, int token) {
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit);
        }
        return Math.exp(logits[token]) / sum;
    }

    private static int argmax(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }
}
