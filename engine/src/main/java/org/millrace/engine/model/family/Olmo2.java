// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.Map;
import org.millrace.engine.model.spec.HeadNorm;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;

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
    public Map<String, String> moduleNames() {
        return HuggingFaceModules.NORMS_BEHIND;
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        LayerSpec layer = Decoder.llamaLayer(parameters);
        return Decoder.of(
                "olmo2",
                parameters,
                layer.withNorms(Decoder.AFTER)
                        .withAttention(layer.attention().withHeadNorm(HeadNorm.ALL_HEADS)));
    }
}
