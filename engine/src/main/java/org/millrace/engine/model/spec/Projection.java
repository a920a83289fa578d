// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.spec;

/** A matrix of a decoder layer. */
public enum Projection {
    QUERY("attn_q"),
    KEY("attn_k"),
    VALUE("attn_v"),
    ATTENTION_OUTPUT("attn_output"),
    GATE("ffn_gate"),
    UP("ffn_up"),
    DOWN("ffn_down");

    private final String tensor;

    Projection(String tensor) {
        this.tensor = tensor;
    }

    /** GGUF name of its matrix in layer {@code layer}. */
    public String weight(int layer) {
        return "blk." + layer + "." + tensor + ".weight";
    }

    /** GGUF name of its bias in layer {@code layer}. */
    public String bias(int layer) {
        return "blk." + layer + "." + tensor + ".bias";
    }

    /** Whether its rows are rotated by position. */
    public boolean isRotated() {
        return this == QUERY || this == KEY;
    }
}
