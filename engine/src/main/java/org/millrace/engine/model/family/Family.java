// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.Map;
import org.millrace.engine.model.spec.ModelSpec;

/**
 * A family of architectures: reads the metadata of either format into a specification. To add one,
 * write one and enter it in {@link Families}.
 */
public interface Family {
    /** {@code model_type} of its {@code config.json}. */
    String huggingFaceType();

    /** {@code general.architecture} of its GGUF files. */
    String ggufArchitecture();

    /** The specification of a model. */
    ModelSpec read(Hyperparameters parameters);

    /** Order of rotated rows in Hugging Face files. */
    default RotaryOrder huggingFaceOrder() {
        return RotaryOrder.HALF_SPLIT;
    }

    /** Order of rotated rows in GGUF files. */
    default RotaryOrder ggufOrder() {
        return RotaryOrder.HALF_SPLIT;
    }

    /**
     * Modules of a layer in Hugging Face files that stand for another canonical name than in Llama
     * files, such as {@code post_attention_layernorm} of OLMo 2.
     */
    default Map<String, String> huggingFaceModules() {
        return Map.of();
    }

    /** What Hugging Face files leave out of the weights of norms; added when they are read. */
    default float huggingFaceNormOffset() {
        return 0f;
    }

    /** Modules of a layer in GGUF files that have another canonical name. */
    default Map<String, String> ggufModules() {
        return Map.of();
    }
}
