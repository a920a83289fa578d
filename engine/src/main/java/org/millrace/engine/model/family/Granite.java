// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;

/** Granite 3: Llama with factors of embedding, attention, residual and logits. */
final class Granite implements Family {
    @Override
    public String huggingFaceType() {
        return "granite";
    }

    @Override
    public String ggufArchitecture() {
        return "granite";
    }

    @Override
    public RotaryOrder ggufOrder() {
        return RotaryOrder.INTERLEAVED;
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        float attentionScale =
                (float)
                        parameters.numberOr(
                                "attention_multiplier",
                                "attention.scale",
                                AttentionParams.scaleOf(parameters.heads().headDim()));
        LayerSpec layer =
                Decoder.llamaLayer(parameters).withBiases(Decoder.storedBiases(parameters));
        return Decoder.of(
                        "granite",
                        parameters,
                        layer.withAttention(layer.attention().withScale(attentionScale))
                                .withResidualScale(
                                        (float)
                                                parameters.numberOr(
                                                        "residual_multiplier",
                                                        "residual_scale",
                                                        1)))
                .withEmbeddingScale(
                        (float) parameters.numberOr("embedding_multiplier", "embedding_scale", 1))
                .withLogitScale(
                        (float) (1 / parameters.numberOr("logits_scaling", "logit_scale", 1)));
    }
}
