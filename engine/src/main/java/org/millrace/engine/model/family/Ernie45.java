// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import org.millrace.engine.model.spec.ModelSpec;

/** ERNIE 4.5 dense: Llama with pairs side by side in both formats. */
final class Ernie45 implements Family {
    @Override
    public String huggingFaceType() {
        return "ernie4_5";
    }

    @Override
    public String ggufArchitecture() {
        return "ernie4_5";
    }

    @Override
    public RotaryOrder huggingFaceOrder() {
        return RotaryOrder.INTERLEAVED;
    }

    @Override
    public RotaryOrder ggufOrder() {
        return RotaryOrder.INTERLEAVED;
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        return Decoder.of(
                "ernie4_5",
                parameters,
                Decoder.llamaLayer(parameters).withBiases(Decoder.storedBiases(parameters)));
    }
}
