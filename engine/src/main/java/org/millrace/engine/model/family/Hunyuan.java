// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.Map;
import org.millrace.engine.model.spec.HeadNorm;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;

/** Hunyuan dense: Llama that normalises each query and key head after rotation. */
final class Hunyuan implements Family {
    @Override
    public String huggingFaceType() {
        return "hunyuan_v1_dense";
    }

    @Override
    public String ggufArchitecture() {
        return "hunyuan-dense";
    }

    @Override
    public Map<String, String> huggingFaceModules() {
        return Map.of(
                "self_attn.query_layernorm", "attn_q_norm",
                "self_attn.key_layernorm", "attn_k_norm");
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        LayerSpec layer =
                Decoder.llamaLayer(parameters).withBiases(Decoder.storedBiases(parameters));
        return Decoder.of(
                "hunyuan",
                parameters,
                layer.withAttention(layer.attention().withHeadNorm(HeadNorm.EACH_HEAD_ROTATED)));
    }
}
