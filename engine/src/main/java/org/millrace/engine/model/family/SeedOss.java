// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.Map;
import org.millrace.engine.model.spec.ModelSpec;

/** Seed-OSS: Qwen2 under other names, with an optional bias of the attention's output. */
final class SeedOss implements Family {
    @Override
    public String huggingFaceType() {
        return "seed_oss";
    }

    @Override
    public String ggufArchitecture() {
        return "seed_oss";
    }

    @Override
    public Map<String, String> ggufModules() {
        return Map.of("post_attention_norm", "ffn_norm");
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        return Decoder.of(
                "seed_oss",
                parameters,
                Decoder.llamaLayer(parameters).withBiases(Decoder.storedBiases(parameters)));
    }
}
