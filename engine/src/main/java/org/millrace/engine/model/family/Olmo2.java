// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.Map;
import org.millrace.engine.model.spec.AttentionSpec;
import org.millrace.engine.model.spec.HeadNorm;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.model.spec.RotarySpec;

/** OLMo 2 (arXiv 2501.00656): norms behind the blocks, and of all query and key heads together. */
final class Olmo2 implements Family {
    @Override
    public String huggingFaceType() {
        return "olmo2";
    }

    @Override
    public String ggufArchitecture() {
        return "olmo2";
    }

    @Override
    public Map<String, String> huggingFaceModules() {
        return TensorNames.NORMS_BEHIND;
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        return specification(parameters);
    }

    /** Of OLMo 3, too, whose GGUF files have the same architecture. */
    static ModelSpec specification(Hyperparameters parameters) {
        LayerSpec llama = Decoder.llamaLayer(parameters);
        LayerSpec layer =
                llama.withNorms(Decoder.AFTER)
                        .withAttention(llama.attention().withHeadNorm(HeadNorm.ALL_HEADS));
        int window = Decoder.window(parameters);
        if (window == AttentionSpec.NO_WINDOW) {
            return Decoder.of("olmo2", parameters, layer);
        }
        RotarySpec rotary = parameters.windowRotary(layer.attention().rotary().theta());
        LayerSpec windowed =
                layer.withAttention(layer.attention().withWindow(window).withRotary(rotary));
        return Decoder.of(
                "olmo2", parameters, index -> parameters.hasWindow(index, 4) ? windowed : layer);
    }
}
