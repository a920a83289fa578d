// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.spec;

import java.util.Collections;
import java.util.List;

/**
 * Rotary position embedding (arXiv 2104.09864): pair i of {@code dimensions / 2} turns by {@code
 * position * theta^(-2i / dimensions) / divisors[i]}.
 *
 * @param dimensions of a head that are rotated, from its first; 0 for none
 * @param divisors of base frequencies; empty for 1
 * @param magnitude factor of cosines and sines (YaRN's and LongRoPE's attention factor)
 * @param queryScale factor of queries that grows with the position
 */
public record RotarySpec(
        int dimensions,
        double theta,
        List<Double> divisors,
        double magnitude,
        QueryScale queryScale) {
    /** Layers without positions. */
    public static final RotarySpec NONE = new RotarySpec(0, 1, List.of(), 1, QueryScale.NONE);

    /**
     * Queries at position p are multiplied by {@code 1 + beta * ln(1 + floor(p / period))}, as in
     * Llama 4 and Ministral 3.
     *
     * @param period positions
     */
    public record QueryScale(double beta, int period) {
        public static final QueryScale NONE = new QueryScale(0, 1);

        /** The factor at {@code position}. */
        public double at(int position) {
            return 1 + beta * StrictMath.log1p(position / period);
        }
    }

    public RotarySpec {
        divisors = List.copyOf(divisors);
    }

    /** Without scaling. */
    public static RotarySpec of(int dimensions, double theta) {
        return new RotarySpec(dimensions, theta, List.of(), 1, QueryScale.NONE);
    }

    public RotarySpec withDivisors(List<Double> divisors) {
        return new RotarySpec(dimensions, theta, divisors, magnitude, queryScale);
    }

    public RotarySpec withMagnitude(double magnitude) {
        return new RotarySpec(dimensions, theta, divisors, magnitude, queryScale);
    }

    public RotarySpec withQueryScale(QueryScale queryScale) {
        return new RotarySpec(dimensions, theta, divisors, magnitude, queryScale);
    }

    /** Radians per position of each pair. */
    public double[] frequencies() {
        double[] frequencies = new double[dimensions / 2];
        for (int i = 0; i < frequencies.length; i++) {
            double frequency = StrictMath.pow(theta, -2.0 * i / dimensions);
            frequencies[i] = divisors.isEmpty() ? frequency : frequency / divisors.get(i);
        }
        return frequencies;
    }

    /** Linear scaling: all positions are divided by {@code factor}. */
    public RotarySpec linear(double factor) {
        return withDivisors(Collections.nCopies(dimensions / 2, factor));
    }
}
