// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.Map;
import org.millrace.engine.model.spec.HeadNorm;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;

/**
 * Gemma 3 (arXiv 2503.19786): as Gemma 2, with normalised heads for soft caps, five layers with a
 * window and a rotation of their own to one that sees all.
 */
final class Gemma3 implements Family {
    private static final int LAYERS_OF_27B = 62;
    private static final double WINDOW_THETA = 10_000;

    @Override
    public String huggingFaceType() {
        return "gemma3_text";
    }

    @Override
    public String ggufArchitecture() {
        return "gemma3";
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
        LayerSpec plain = Gemma.layer(parameters, LAYERS_OF_27B);
        LayerSpec layer = plain.withAttention(plain.attention().withHeadNorm(HeadNorm.EACH_HEAD));
        LayerSpec windowed =
                layer.withAttention(
                        layer.attention()
                                .withWindow(Decoder.window(parameters))
                                .withRotary(parameters.windowRotary(WINDOW_THETA)));
        return Decoder.of(
                        "gemma3",
                        parameters,
                        index -> parameters.hasWindow(index, 6) ? windowed : layer)
                .withEmbeddingScale(Gemma.embeddingScale(parameters));
    }
}
