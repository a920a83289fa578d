// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

/** Refuses hyperparameters that no model can have, before sizes are computed from them. */
final class ConfigCheck {
    /**
     * Above any model's; keeps products of two sizes within 62 bits and the rotary table within an
     * array.
     */
    private static final int MAX_HEADS = 4_096;

    private static final int MAX_HEAD_DIM = 4_096;
    private static final int MAX_ROPE_FLOATS = 1 << 30;

    private ConfigCheck() {}

    static void check(String source, ModelConfig config) {
        atMost(source, "heads", config.numHeads(), MAX_HEADS);
        atMost(source, "headDim", config.headDim(), MAX_HEAD_DIM);
        if (config.headDim() % 2 != 0) {
            fail(source, "headDim=" + config.headDim() + " is odd, RoPE needs pairs");
        }
        if (config.numHeads() % config.numKvHeads() != 0) {
            fail(
                    source,
                    "heads="
                            + config.numHeads()
                            + " is no multiple of kvHeads="
                            + config.numKvHeads());
        }
        atMost(source, "contextLength", config.contextLength(), MAX_ROPE_FLOATS / config.headDim());
        if (!(config.rmsNormEps() >= 0 && config.rmsNormEps() < 1)) {
            fail(source, "rmsNormEps=" + config.rmsNormEps() + ", must be in [0, 1)");
        }
        if (!(config.ropeTheta() >= 1 && config.ropeTheta() < Double.POSITIVE_INFINITY)) {
            fail(source, "ropeTheta=" + config.ropeTheta() + ", must be finite and at least 1");
        }
    }

    /** The factors, if each is finite and positive. */
    static double[] ropeFactors(String source, double[] factors) {
        for (int i = 0; i < factors.length; i++) {
            if (!(factors[i] > 0 && factors[i] < Double.POSITIVE_INFINITY)) {
                fail(
                        source,
                        "rope scaling factor "
                                + i
                                + " is "
                                + factors[i]
                                + ", must be finite and positive");
            }
        }
        return factors;
    }

    private static void atMost(String source, String name, int value, int limit) {
        if (value > limit) {
            fail(source, name + "=" + value + ", limit=" + limit);
        }
    }

    private static void fail(String source, String message) {
        throw new ModelFormatException(source + ": " + message);
    }
}
