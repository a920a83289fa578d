// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.millrace.engine.model.spec.RotarySpec;

/** Ways to stretch rotary embedding over longer contexts, in double. */
public final class RopeScaling {
    private RopeScaling() {}

    private static List<Double> divisors(RotarySpec rotary, IntToDoubleFunction divisor) {
        return new ArrayList<>(
                IntStream.range(0, rotary.dimensions() / 2).mapToDouble(divisor).boxed().toList());
    }

    /**
     * Scaling of Llama 3.1 and later: long wavelengths are divided by {@code factor}, short ones
     * kept, those between interpolated, as in transformers' {@code _compute_llama3_parameters}.
     *
     * @param originalContext positions the model was first trained on
     */
    public static RotarySpec llama3(
            RotarySpec rotary,
            double factor,
            double lowFrequencyFactor,
            double highFrequencyFactor,
            double originalContext) {
        double[] frequencies = rotary.frequencies();
        return rotary.withDivisors(
                divisors(
                        rotary,
                        i -> {
                            double wavelength = 2 * Math.PI / frequencies[i];
                            if (wavelength > originalContext / lowFrequencyFactor) {
                                return factor;
                            }
                            if (wavelength < originalContext / highFrequencyFactor) {
                                return 1;
                            }
                            double smooth =
                                    (originalContext / wavelength - lowFrequencyFactor)
                                            / (highFrequencyFactor - lowFrequencyFactor);
                            return 1 / ((1 - smooth) / factor + smooth);
                        }));
    }

    /**
     * YaRN's parameters.
     *
     * @param originalContext positions the model was first trained on
     * @param betaFast rotations over these positions above which a frequency stays
     * @param betaSlow rotations below which it is divided by {@code factor}
     * @param isTruncated whether the borders between them are whole pairs
     */
    public record Yarn(
            double factor,
            double originalContext,
            double betaFast,
            double betaSlow,
            boolean isTruncated) {
        /** YaRN's factor of cosines and sines, {@code 0.1 * weight * ln(factor) + 1}. */
        public double magnitude(double weight) {
            return factor <= 1 ? 1 : 0.1 * weight * StrictMath.log(factor) + 1;
        }

        /** The pair that rotates so often over the original context. */
        private double pairOf(double rotations, RotarySpec rotary) {
            return rotary.dimensions()
                    * StrictMath.log(originalContext / (rotations * 2 * Math.PI))
                    / (2 * StrictMath.log(rotary.theta()));
        }
    }

    /** YaRN (arXiv 2309.00071); {@link RotarySpec#magnitude} is for the caller. */
    public static RotarySpec yarn(RotarySpec rotary, Yarn yarn) {
        double fast = yarn.pairOf(yarn.betaFast(), rotary);
        double slow = yarn.pairOf(yarn.betaSlow(), rotary);
        double low = Math.max(yarn.isTruncated() ? Math.floor(fast) : fast, 0);
        double high =
                Math.min(yarn.isTruncated() ? Math.ceil(slow) : slow, rotary.dimensions() - 1);
        double width = high == low ? 0.001 : high - low;
        return rotary.withDivisors(
                divisors(
                        rotary,
                        i -> {
                            double stretched = Math.min(1, Math.max(0, (i - low) / width));
                            return 1 / (stretched / yarn.factor() + 1 - stretched);
                        }));
    }

    /**
     * LongRoPE (arXiv 2402.13753): a divisor for each pair.
     *
     * @param stretch context divided by the original one
     */
    public static RotarySpec longRope(
            RotarySpec rotary, List<Double> divisors, double stretch, double originalContext) {
        double magnitude =
                stretch <= 1
                        ? 1
                        : Math.sqrt(1 + StrictMath.log(stretch) / StrictMath.log(originalContext));
        return rotary.withDivisors(divisors).withMagnitude(magnitude);
    }
}
