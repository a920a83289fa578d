// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.EnumSet;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.GateFunction;
import org.millrace.engine.model.spec.AttentionSpec;
import org.millrace.engine.model.spec.HeadNorm;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.model.spec.Norm;
import org.millrace.engine.model.spec.Projection;

/** What most families have in common: Llama's layer, and a model of such layers. */
final class Decoder {
    /** Normalise what a block reads. */
    static final Set<Norm> BEFORE = EnumSet.of(Norm.ATTENTION, Norm.FEED_FORWARD);

    /** Normalise what a block adds to the residual. */
    static final Set<Norm> AFTER = EnumSet.of(Norm.POST_ATTENTION, Norm.POST_FEED_FORWARD);

    /** Normalise both. */
    static final Set<Norm> AROUND =
            EnumSet.of(
                    Norm.ATTENTION, Norm.POST_ATTENTION, Norm.FEED_FORWARD, Norm.POST_FEED_FORWARD);

    /** Biases of the projections that attention reads. */
    static final Set<Projection> QKV =
            EnumSet.of(Projection.QUERY, Projection.KEY, Projection.VALUE);

    private static final Set<Projection> MLP =
            EnumSet.of(Projection.GATE, Projection.UP, Projection.DOWN);

    private Decoder() {}

    /** A layer as Llama has it: norms before the blocks, all of a head rotated, no biases. */
    static LayerSpec llamaLayer(Hyperparameters parameters) {
        double experts = parameters.numberOr("num_local_experts", "expert_count", 0);
        if (experts != 0) {
            throw parameters.unsupported("num_local_experts", "expert_count", experts, "0");
        }
        return new LayerSpec(
                new AttentionSpec(
                        AttentionParams.scaleOf(parameters.heads().headDim()),
                        AttentionSpec.NO_WINDOW,
                        0f,
                        HeadNorm.NONE,
                        parameters.rotary(1)),
                parameters.intermediateSize(),
                gate(parameters, "hidden_act", GateFunction.SILU),
                BEFORE,
                Set.of(),
                1f);
    }

    /** The function that the file names, or {@code fallback}. */
    static GateFunction gate(
            Hyperparameters parameters, String huggingFace, GateFunction fallback) {
        String name = parameters.textOr(huggingFace, "", "");
        return switch (name) {
            case "" -> fallback;
            case "silu", "swish" -> GateFunction.SILU;
            case "gelu_pytorch_tanh" -> GateFunction.GELU_TANH;
            default ->
                    throw parameters.unsupported(
                            huggingFace, "", name, "silu, swish, gelu_pytorch_tanh");
        };
    }

    /** Biases that the file names, or holds where it names none. */
    static Set<Projection> storedBiases(Hyperparameters parameters) {
        EnumSet<Projection> biases = EnumSet.allOf(Projection.class);
        biases.removeIf(projection -> !parameters.has(projection.bias(0)));
        choose(biases, QKV, parameters.booleanOr("attention_bias", "", biases.containsAll(QKV)));
        choose(biases, MLP, parameters.booleanOr("mlp_bias", "", biases.containsAll(MLP)));
        return biases;
    }

    private static void choose(
            Set<Projection> biases, Set<Projection> projections, boolean areBiased) {
        biases.removeAll(projections);
        if (areBiased) {
            biases.addAll(projections);
        }
    }

    /** Refuses a property that the file switches on and nothing here computes. */
    static void refuse(Hyperparameters parameters, String huggingFace) {
        if (parameters.booleanOr(huggingFace, "", false)) {
            throw parameters.unsupported(huggingFace, "", true, "false");
        }
    }

    /** The window of layers that have one, {@link AttentionSpec#NO_WINDOW} for none. */
    static int window(Hyperparameters parameters) {
        double window = parameters.numberOr("sliding_window", "attention.sliding_window", 0);
        return window == 0 ? AttentionSpec.NO_WINDOW : (int) window;
    }

    /** A model whose layers are all alike. */
    static ModelSpec of(String architecture, Hyperparameters parameters, LayerSpec layer) {
        return of(architecture, parameters, index -> layer);
    }

    /** A model with a layer for each index. */
    static ModelSpec of(
            String architecture, Hyperparameters parameters, IntFunction<LayerSpec> layers) {
        return new ModelSpec(
                architecture,
                parameters.name(),
                parameters.vocabSize(),
                parameters.hiddenSize(),
                parameters.contextLength(),
                parameters.heads(),
                parameters.normEps(),
                1f,
                1f,
                AttentionParams.NO_CAP,
                IntStream.range(0, parameters.numLayers()).mapToObj(layers).toList());
    }
}
