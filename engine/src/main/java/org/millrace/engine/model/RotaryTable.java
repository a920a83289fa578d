// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.model.spec.RotarySpec;

/**
 * Cosines and sines of rotary position embedding (arXiv 2104.09864), computed once in double with
 * StrictMath, so that every provider reads the same bytes.
 */
final class RotaryTable {
    private RotaryTable() {}

    /** Positions after the context: a context that is replayed goes on there. */
    private static final int BEYOND_CONTEXT = 1024;

    static int positions(ModelSpec spec) {
        return spec.contextLength() + BEYOND_CONTEXT;
    }

    /** float[positions][dimensions / 2][2]: cosine, sine of position times frequency, of keys. */
    static float[] keys(RotarySpec rotary, int positions) {
        return compute(rotary, positions, position -> 1);
    }

    /** As {@link #keys}, with what queries are scaled by. */
    static float[] queries(RotarySpec rotary, int positions) {
        return compute(rotary, positions, rotary.queryScale()::at);
    }

    private static float[] compute(RotarySpec rotary, int positions, IntToDoubleFunction scaleOf) {
        double[] frequencies = rotary.frequencies();
        int half = frequencies.length;
        float[] table = new float[Math.multiplyExact(positions, 2 * half)];
        IntStream.range(0, positions)
                .parallel()
                .forEach(
                        position -> {
                            double scale = rotary.magnitude() * scaleOf.applyAsDouble(position);
                            for (int i = 0; i < half; i++) {
                                double angle = position * frequencies[i];
                                int at = 2 * (position * half + i);
                                table[at] = (float) (StrictMath.cos(angle) * scale);
                                table[at + 1] = (float) (StrictMath.sin(angle) * scale);
                            }
                        });
        return table;
    }
}
