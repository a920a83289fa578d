// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import org.millrace.engine.model.spec.ModelSpec;

/** Qwen2 (arXiv 2407.10671): Llama with biases of queries, keys and values. */
final class Qwen2 implements Family {
    @Override
    public String huggingFaceType() {
        return "qwen2";
    }

    @Override
    public String ggufArchitecture() {
        return "qwen2";
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        Decoder.refuse(parameters, "use_sliding_window");
        return Decoder.of(
                "qwen2", parameters, Decoder.llamaLayer(parameters).withBiases(Decoder.QKV));
    }
}
