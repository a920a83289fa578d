// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import org.millrace.engine.model.spec.HeadShape;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.model.spec.RotarySpec;

/** Refuses hyperparameters that no model can have, before sizes are computed from them. */
final class SpecCheck {
    /**
     * Above any model's; keeps products of two sizes within 62 bits and the rotary table within an
     * array.
     */
    private static final int MAX_HEADS = 4_096;

    private static final int MAX_HEAD_DIM = 4_096;
    private static final int MAX_ROPE_FLOATS = 1 << 30;

    private SpecCheck() {}

    static void check(String source, HeadShape heads) {
        atMost(source, "heads", heads.numHeads(), MAX_HEADS);
        atMost(source, "headDim", heads.headDim(), MAX_HEAD_DIM);
        if (heads.headDim() % 2 != 0) {
            fail(source, "headDim=" + heads.headDim() + " is odd, RoPE needs pairs");
        }
        if (heads.numHeads() % heads.numKvHeads() != 0) {
            fail(
                    source,
                    "heads="
                            + heads.numHeads()
                            + " is no multiple of kvHeads="
                            + heads.numKvHeads());
        }
    }

    static void check(String source, ModelSpec spec) {
        atMost(source, "contextLength", spec.contextLength(), MAX_ROPE_FLOATS / spec.headDim());
        if (!(spec.normEps() >= 0 && spec.normEps() < 1)) {
            fail(source, "normEps=" + spec.normEps() + ", must be in [0, 1)");
        }
        positive(source, "embeddingScale", spec.embeddingScale());
        positive(source, "logitScale", spec.logitScale());
        spec.layers()
                .forEach(
                        layer -> {
                            positive(source, "attentionScale", layer.attention().scale());
                            positive(source, "residualScale", layer.residualScale());
                        });
    }

    /** The embedding, if it can be computed. */
    static RotarySpec rotary(String source, RotarySpec rotary) {
        if (rotary.dimensions() < 2 || rotary.dimensions() % 2 != 0) {
            fail(
                    source,
                    "rotated dimensions=" + rotary.dimensions() + ", must be even, at least 2");
        }
        if (!(rotary.theta() >= 1 && rotary.theta() < Double.POSITIVE_INFINITY)) {
            fail(source, "ropeTheta=" + rotary.theta() + ", must be finite and at least 1");
        }
        for (int i = 0; i < rotary.divisors().size(); i++) {
            positive(source, "rope scaling factor " + i, rotary.divisors().get(i));
        }
        positive(source, "rope scaling magnitude", rotary.magnitude());
        return rotary;
    }

    private static void positive(String source, String name, double value) {
        if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
            fail(source, name + "=" + value + ", must be finite and positive");
        }
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
