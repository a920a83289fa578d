// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import org.millrace.engine.model.spec.ModelSpec;

/** Llama (arXiv 2302.13971, 2407.21783), with or without biases. */
final class Llama implements Family {
    @Override
    public String huggingFaceType() {
        return "llama";
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
        return Decoder.of(
                "llama",
                parameters,
                Decoder.llamaLayer(parameters).withBiases(Decoder.storedBiases(parameters)));
    }
}
