// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.tensor.Tensor;

/**
 * The files of a model, opened: hyperparameters, tensors, tokenizer, chat template. Tensors carry
 * GGUF names whatever the format, fused ones are taken apart. Rows and biases of {@code attn_q} and
 * {@code attn_k} are in half-split rotary order.
 */
public interface ModelFiles extends AutoCloseable {
    ModelSpec spec();

    /** Whether the model has a tensor of this name (a tied model has no {@code output.weight}). */
    boolean has(String name);

    /**
     * The tensor of this name.
     *
     * @throws ModelFormatException if it is missing, naming it
     */
    Tensor tensor(String name);

    Tokenizer tokenizer();

    /** Renders conversations. */
    ChatTemplate chatTemplate();

    /** SHA-256 over weights, hyperparameters and tokenizer, 64 hexadecimal digits. */
    String fingerprint();

    @Override
    void close();
}
