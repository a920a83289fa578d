// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import org.millrace.engine.kernels.GateFunction;
import org.millrace.engine.model.spec.LayerSpec;

/** What Gemma models have in common. */
final class Gemma {
    private Gemma() {}

    /**
     * A layer that sees all positions.
     *
     * @param layersOf27b how many layers the one model has whose attention scale follows another
     *     rule, which GGUF files do not hold
     */
    static LayerSpec layer(Hyperparameters parameters, int layersOf27b) {
        Decoder.refuse(parameters, "use_bidirectional_attention");
        LayerSpec layer = Decoder.llamaLayer(parameters);
        double usual =
                parameters.numLayers() == layersOf27b
                        ? (double) parameters.hiddenSize() / parameters.heads().numHeads()
                        : parameters.heads().headDim();
        double scalar = parameters.numberOr("query_pre_attn_scalar", "", usual);
        return layer.withGate(Decoder.gate(parameters, "hidden_activation", GateFunction.GELU_TANH))
                .withNorms(Decoder.AROUND)
                .withAttention(layer.attention().withScale((float) (1 / Math.sqrt(scalar))));
    }

    /** Factor of embedded tokens. */
    static float embeddingScale(Hyperparameters parameters) {
        return (float) Math.sqrt(parameters.hiddenSize());
    }
}
