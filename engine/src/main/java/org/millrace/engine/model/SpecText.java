// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.GateFunction;
import org.millrace.engine.model.spec.AttentionSpec;
import org.millrace.engine.model.spec.HeadNorm;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.model.spec.Norm;
import org.millrace.engine.model.spec.RotarySpec;

/**
 * A specification as text, for fingerprints: sizes first, then what differs from a plain Llama
 * model. A property that is new here leaves the text of models without it as it was, so their
 * caches stay valid.
 */
final class SpecText {
    private SpecText() {}

    static String of(ModelSpec spec) {
        LayerSpec first = spec.layers().get(0);
        RotarySpec rotary = first.attention().rotary();
        List<String> words =
                new ArrayList<>(
                        List.of(
                                spec.architecture(),
                                "layers=" + spec.numLayers(),
                                "hidden=" + spec.hiddenSize(),
                                "intermediate=" + first.intermediateSize(),
                                "heads=" + spec.numHeads(),
                                "kvHeads=" + spec.numKvHeads(),
                                "headDim=" + spec.headDim(),
                                "vocab=" + spec.vocabSize(),
                                "eps=" + spec.normEps(),
                                "theta=" + rotary.theta(),
                                "ropeScaling="
                                        + (rotary.divisors().isEmpty()
                                                ? null
                                                : rotary.divisors())));
        addUnless(words, "embeddingScale", spec.embeddingScale(), 1f);
        addUnless(words, "logitScale", spec.logitScale(), 1f);
        addUnless(words, "logitSoftCap", spec.logitSoftCap(), 0f);
        String before = "";
        for (int i = 0; i < spec.numLayers(); i++) {
            String text = of(spec, spec.layers().get(i), first);
            if (!text.equals(before)) {
                words.add("layer=" + i + text);
            }
            before = text;
        }
        return String.join(" ", words);
    }

    private static String of(ModelSpec spec, LayerSpec layer, LayerSpec first) {
        List<String> words = new ArrayList<>();
        AttentionSpec attention = layer.attention();
        addUnless(words, "scale", attention.scale(), AttentionParams.scaleOf(spec.headDim()));
        addUnless(words, "window", attention.window(), AttentionSpec.NO_WINDOW);
        addUnless(words, "softCap", attention.softCap(), 0f);
        addUnless(words, "headNorm", attention.headNorm(), HeadNorm.NONE);
        RotarySpec rotary = attention.rotary();
        addUnless(words, "rotated", rotary.dimensions(), spec.headDim());
        addUnless(words, "magnitude", rotary.magnitude(), 1.0);
        addUnless(words, "queryScale", rotary.queryScale(), RotarySpec.QueryScale.NONE);
        if (!rotary.equals(first.attention().rotary())) {
            words.add("theta=" + rotary.theta() + " divisors=" + rotary.divisors());
        }
        addUnless(words, "intermediate", layer.intermediateSize(), first.intermediateSize());
        addUnless(words, "gate", layer.gate(), GateFunction.SILU);
        addUnless(words, "norms", layer.norms().toString(), PLAIN_NORMS);
        addUnless(words, "biases", layer.biases().toString(), "[]");
        addUnless(words, "residualScale", layer.residualScale(), 1f);
        return words.isEmpty() ? "" : " " + String.join(" ", words);
    }

    private static final String PLAIN_NORMS = List.of(Norm.ATTENTION, Norm.FEED_FORWARD).toString();

    private static void addUnless(List<String> words, String name, Object value, Object plain) {
        if (!value.equals(plain)) {
            words.add(name + "=" + value);
        }
    }
}
