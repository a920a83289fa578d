// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.family;

import java.util.List;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.model.spec.RotarySpec;

/** SmolLM3: Llama with every fourth layer, or those that the file names, without positions. */
final class SmolLm3 implements Family {
    @Override
    public String huggingFaceType() {
        return "smollm3";
    }

    @Override
    public String ggufArchitecture() {
        return "smollm3";
    }

    @Override
    public RotaryOrder ggufOrder() {
        return RotaryOrder.INTERLEAVED;
    }

    @Override
    public ModelSpec read(Hyperparameters parameters) {
        Decoder.refuse(parameters, "use_sliding_window");
        List<Double> rotated = parameters.numbers("no_rope_layers", "rope.layers");
        int interval =
                (int) parameters.numberOr("no_rope_layer_interval", "rope.layer_interval", 4);
        LayerSpec layer =
                Decoder.llamaLayer(parameters).withBiases(Decoder.storedBiases(parameters));
        LayerSpec unrotated = layer.withAttention(layer.attention().withRotary(RotarySpec.NONE));
        return Decoder.of(
                "smollm3",
                parameters,
                index -> {
                    boolean isRotated =
                            index < rotated.size()
                                    ? rotated.get(index) != 0
                                    : (index + 1) % interval != 0;
                    return isRotated ? layer : unrotated;
                });
    }
}
