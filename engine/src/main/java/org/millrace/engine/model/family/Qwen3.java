// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import org.millrace.engine.model.spec.HeadNorm;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;

/** Qwen3 (arXiv 2505.09388): Llama that normalises each query and key head. */
final class Qwen3 implements Family {
    @Override
    public String huggingFaceType() {
        return "qwen3";
    }

    @Override
    public String ggufArchitecture() {
        return "qwen3";
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        Decoder.refuse(parameters, "use_sliding_window");
        LayerSpec layer = Decoder.llamaLayer(parameters);
        return Decoder.of(
                "qwen3",
                parameters,
                layer.withAttention(layer.attention().withHeadNorm(HeadNorm.EACH_HEAD)));
    }
}
