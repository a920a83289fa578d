// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.Map;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;

/** GLM-4 0414: norms around both blocks, half of each head rotated, fused projections. */
final class Glm4 implements Family {
    @Override
    public String huggingFaceType() {
        return "glm4";
    }

    @Override
    public String ggufArchitecture() {
        return "glm4";
    }

    @Override
    public RotaryOrder huggingFaceOrder() {
        return RotaryOrder.INTERLEAVED;
    }

    @Override
    public RotaryOrder ggufOrder() {
        return RotaryOrder.INTERLEAVED;
    }

    @Override
    public Map<String, String> huggingFaceModules() {
        return Map.of(
                "post_self_attn_layernorm", "post_attention_norm",
                "post_attention_layernorm", "ffn_norm",
                "post_mlp_layernorm", "post_ffw_norm");
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        LayerSpec layer = Decoder.llamaLayer(parameters);
        return Decoder.of(
                "glm4",
                parameters,
                layer.withNorms(Decoder.AROUND)
                        .withBiases(Decoder.storedBiases(parameters))
                        .withAttention(layer.attention().withRotary(parameters.rotary(0.5))));
    }
}
