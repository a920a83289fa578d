// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.Map;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;

/**
 * Gemma 2 (arXiv 2408.00118): norms around both blocks, soft caps, windows in every other layer.
 */
final class Gemma2 implements Family {
    private static final int LAYERS_OF_27B = 46;

    @Override
    public String huggingFaceType() {
        return "gemma2";
    }

    @Override
    public String ggufArchitecture() {
        return "gemma2";
    }

    @Override
    public float huggingFaceNormOffset() {
        return 1f;
    }

    @Override
    public Map<String, String> huggingFaceModules() {
        return TensorNames.NORMS_BEHIND;
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        LayerSpec layer = Gemma.layer(parameters, LAYERS_OF_27B);
        float cap =
                (float) parameters.numberOr("attn_logit_softcapping", "attn_logit_softcapping", 50);
        LayerSpec capped = layer.withAttention(layer.attention().withSoftCap(cap));
        int window = Decoder.window(parameters);
        LayerSpec windowed = capped.withAttention(capped.attention().withWindow(window));
        return Decoder.of(
                        "gemma2",
                        parameters,
                        index -> parameters.hasWindow(index, 2) ? windowed : capped)
                .withEmbeddingScale(Gemma.embeddingScale(parameters))
                .withLogitSoftCap(
                        (float)
                                parameters.numberOr(
                                        "final_logit_softcapping", "final_logit_softcapping", 30));
    }
}
