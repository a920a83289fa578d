// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.Map;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.model.spec.Projection;

/** Takes fused projections apart: queries, keys and values in one matrix; gate and up in one. */
final class FusedTensors {
    private static final String UP = ".ffn_up.weight";
    private static final String QKV = ".attn_qkv.";

    private FusedTensors() {}

    /** Replaces the fused tensors of {@code tensors} by their parts. */
    static void split(ModelSpec spec, Map<String, StoredTensor> tensors) {
        for (int layer = 0; layer < spec.numLayers(); layer++) {
            splitQkv(spec, layer, tensors);
            splitGate(spec, layer, tensors);
        }
    }

    private static void splitQkv(ModelSpec spec, int layer, Map<String, StoredTensor> tensors) {
        int queries = spec.heads().queryWidth();
        int keys = spec.heads().keyWidth();
        StoredTensor fused = tensors.get("blk." + layer + QKV + "weight");
        if (fused != null && fused.rows() == queries + 2 * keys) {
            tensors.remove(fused.name());
            put(tensors, fused.rows(Projection.QUERY.weight(layer), 0, queries));
            put(tensors, fused.rows(Projection.KEY.weight(layer), queries, keys));
            put(tensors, fused.rows(Projection.VALUE.weight(layer), queries + keys, keys));
        }
    }

    private static void splitGate(ModelSpec spec, int layer, Map<String, StoredTensor> tensors) {
        int width = spec.layers().get(layer).intermediateSize();
        StoredTensor fused = tensors.get("blk." + layer + UP);
        if (fused != null && fused.rows() == 2 * width) {
            put(tensors, fused.rows(Projection.GATE.weight(layer), 0, width));
            put(tensors, fused.rows(Projection.UP.weight(layer), width, width));
        }
    }

    private static void put(Map<String, StoredTensor> tensors, StoredTensor tensor) {
        tensors.put(tensor.name(), tensor);
    }
}
