// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;

/** Mistral (arXiv 2310.06825) and Mistral Nemo: Llama under another name in Hugging Face files. */
final class Mistral implements Family {
    @Override
    public String huggingFaceType() {
        return "mistral";
    }

    @Override
    public String ggufArchitecture() {
        return "llama";
    }

    @Override
    public RotaryOrder ggufOrder() {
        return RotaryOrder.INTERLEAVED;
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        LayerSpec layer = Decoder.llamaLayer(parameters);
        return Decoder.of(
                "llama",
                parameters,
                layer.withAttention(layer.attention().withWindow(Decoder.window(parameters))));
    }
}
