// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.Arrays;

/** Factors by which base frequencies are divided, one per frequency pair, in double. */
final class RopeScaling {
    private RopeScaling() {}

    static double[] linear(double factor, int headDim) {
        double[] factors = new double[headDim / 2];
        Arrays.fill(factors, factor);
        return factors;
    }

    /**
     * Scaling of Llama 3.1 and later: long wavelengths are divided by {@code factor}, short ones
     * kept, those between interpolated, as in transformers' {@code _compute_llama3_parameters}.
     *
     * @param originalContext positions the model was first trained on
     */
    static double[] llama3(
            double factor,
            double lowFrequencyFactor,
            double highFrequencyFactor,
            double originalContext,
            double theta,
            int headDim) {
        double[] factors = new double[headDim / 2];
        for (int i = 0; i < factors.length; i++) {
            double frequency = StrictMath.pow(theta, -2.0 * i / headDim);
            double wavelength = 2 * Math.PI / frequency;
            if (wavelength > originalContext / lowFrequencyFactor) {
                factors[i] = factor;
            } else if (wavelength < originalContext / highFrequencyFactor) {
                factors[i] = 1;
            } else {
                double smooth =
                        (originalContext / wavelength - lowFrequencyFactor)
                                / (highFrequencyFactor - lowFrequencyFactor);
                factors[i] = 1 / ((1 - smooth) / factor + smooth);
            }
        }
        return factors;
    }
}
