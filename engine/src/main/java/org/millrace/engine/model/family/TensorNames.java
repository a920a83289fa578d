// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.HashMap;
import java.util.Map;

/** Canonical names of tensors: those that GGUF files of Llama models have. */
public final class TensorNames {
    /** Modules of a layer, as Llama files and most others name them. */
    private static final Map<String, String> LLAMA =
            Map.ofEntries(
                    Map.entry("self_attn.q_proj", "attn_q"),
                    Map.entry("self_attn.k_proj", "attn_k"),
                    Map.entry("self_attn.v_proj", "attn_v"),
                    Map.entry("self_attn.o_proj", "attn_output"),
                    Map.entry("self_attn.qkv_proj", "attn_qkv"),
                    Map.entry("self_attn.q_norm", "attn_q_norm"),
                    Map.entry("self_attn.k_norm", "attn_k_norm"),
                    Map.entry("input_layernorm", "attn_norm"),
                    Map.entry("post_attention_layernorm", "ffn_norm"),
                    Map.entry("mlp.gate_proj", "ffn_gate"),
                    Map.entry("mlp.up_proj", "ffn_up"),
                    Map.entry("mlp.gate_up_proj", "ffn_up"),
                    Map.entry("mlp.down_proj", "ffn_down"));

    /**
     * {@link Family#huggingFaceModules} of families that normalise what blocks add to the residual.
     */
    static final Map<String, String> NORMS_BEHIND =
            Map.of(
                    "post_attention_layernorm", "post_attention_norm",
                    "pre_feedforward_layernorm", "ffn_norm",
                    "post_feedforward_layernorm", "post_ffw_norm");

    private static final String HUGGING_FACE_LAYERS = "model.layers.";
    private static final String LAYERS = "blk.";

    private TensorNames() {}

    /** Of a tensor of a GGUF file; its own name where its family has no other for it. */
    public static String ofGguf(Family family, String name) {
        return inLayer(LAYERS, family.ggufModules(), name);
    }

    /** Of a tensor of a Hugging Face file; its own name where it is none of those known. */
    public static String ofHuggingFace(Family family, String name) {
        switch (name) {
            case "model.embed_tokens.weight":
                return "token_embd.weight";
            case "model.norm.weight":
                return "output_norm.weight";
            case "lm_head.weight":
                return "output.weight";
            default:
        }
        Map<String, String> modules = new HashMap<>(LLAMA);
        modules.putAll(family.huggingFaceModules());
        return inLayer(HUGGING_FACE_LAYERS, modules, name);
    }

    private static String inLayer(String prefix, Map<String, String> modules, String name) {
        int layerEnd = name.indexOf('.', prefix.length());
        int moduleEnd = name.lastIndexOf('.');
        if (!name.startsWith(prefix) || layerEnd < 0 || moduleEnd <= layerEnd) {
            return name;
        }
        String module = modules.get(name.substring(layerEnd + 1, moduleEnd));
        return module == null
                ? name
                : LAYERS
                        + name.substring(prefix.length(), layerEnd)
                        + "."
                        + module
                        + name.substring(moduleEnd);
    }
}
