// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;

/** Phi-3 (arXiv 2404.14219): Llama with fused projections, and LongRoPE. */
final class Phi3 implements Family {
    @Override
    public String huggingFaceType() {
        return "phi3";
    }

    @Override
    public String ggufArchitecture() {
        return "phi3";
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        LayerSpec layer = Decoder.llamaLayer(parameters);
        return Decoder.of(
                "phi3",
                parameters,
                layer.withAttention(layer.attention().withWindow(Decoder.window(parameters))));
    }
}
