// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.spec;

/** A normalisation of a decoder layer; which there are says where a layer normalises. */
public enum Norm {
    /** Of what attention reads. */
    ATTENTION("attn_norm"),
    /** Of each query head, or of all of them, see {@link HeadNorm}. */
    QUERY("attn_q_norm"),
    /** Of each key head, or of all of them, see {@link HeadNorm}. */
    KEY("attn_k_norm"),
    /** Of what attention adds to the residual. */
    POST_ATTENTION("post_attention_norm"),
    /** Of what the feed-forward block reads. */
    FEED_FORWARD("ffn_norm"),
    /** Of what the feed-forward block adds to the residual. */
    POST_FEED_FORWARD("post_ffw_norm");

    private final String tensor;

    Norm(String tensor) {
        this.tensor = tensor;
    }

    /** GGUF name of its weight in layer {@code layer}. */
    public String weight(int layer) {
        return "blk." + layer + "." + tensor + ".weight";
    }
}
