// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.model.spec.RotarySpec;
import org.millrace.engine.model.spec.RotarySpec.QueryScale;

/** Ministral 3: Llama with YaRN, and queries that grow with the position. */
final class Ministral3 implements Family {
    @Override
    public String huggingFaceType() {
        return "ministral3";
    }

    @Override
    public String ggufArchitecture() {
        return "mistral3";
    }

    @Override
    public RotaryOrder ggufOrder() {
        return RotaryOrder.INTERLEAVED;
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        RotarySpec rotary = parameters.rotary(1);
        double beta =
                parameters.numberOr(
                        "rope_parameters.llama_4_scaling_beta", "attention.temperature_scale", 0);
        double period =
                parameters.numberOr(
                        "rope_parameters.original_max_position_embeddings",
                        "rope.scaling.original_context_length",
                        parameters.contextLength());
        LayerSpec layer = Decoder.llamaLayer(parameters);
        return Decoder.of(
                "ministral3",
                parameters,
                layer.withAttention(
                        layer.attention()
                                .withRotary(
                                        rotary.withQueryScale(
                                                new QueryScale(beta, (int) period)))));
    }
}
