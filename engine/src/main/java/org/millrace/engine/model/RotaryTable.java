// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.stream.IntStream;

/**
 * Cosines and sines of rotary position embedding (arXiv 2104.09864), computed once in double with
 * StrictMath, so that every provider reads the same bytes.
 */
final class RotaryTable {
    private RotaryTable() {}

    /** Positions after the context: a context that is replayed goes on there. */
    private static final int BEYOND_CONTEXT = 1024;

    static int positions(ModelConfig config) {
        return config.contextLength() + BEYOND_CONTEXT;
    }

    /** float[positions][headDim / 2][2]: cosine, sine of position times frequency. */
    static float[] compute(ModelConfig config) {
        int half = config.headDim() / 2;
        double[] frequencies = new double[half];
        for (int i = 0; i < half; i++) {
            double frequency = StrictMath.pow(config.ropeTheta(), -2.0 * i / config.headDim());
            frequencies[i] =
                    config.ropeScaling() == null ? frequency : frequency / config.ropeScaling()[i];
        }
        int positions = positions(config);
        float[] table = new float[Math.multiplyExact(positions, 2 * half)];
        IntStream.range(0, positions)
                .parallel()
                .forEach(
                        position -> {
                            for (int i = 0; i < half; i++) {
                                double angle = position * frequencies[i];
                                int at = 2 * (position * half + i);
                                table[at] = (float) StrictMath.cos(angle);
                                table[at + 1] = (float) StrictMath.sin(angle);
                            }
                        });
        return table;
    }
}
