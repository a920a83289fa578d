// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.millrace.engine.tensor.Tensor;

/** Order of the rows of {@code attn_q} and {@code attn_k} within a head. */
enum RowOrder {
    /** First elements of all RoPE pairs, then second elements: Hugging Face, and ours. */
    HALF_SPLIT,
    /** Pairs side by side: GGUF files of Llama models. */
    INTERLEAVED;

    /** The tensor with half-split rows; a copy on the heap where rows had to move. */
    Tensor toHalfSplit(Tensor tensor, int headDim) {
        if (this == HALF_SPLIT) {
            return tensor;
        }
        int rowBytes = Math.toIntExact(tensor.type().rowBytes(tensor.columns()));
        ByteBuffer from = tensor.data();
        ByteBuffer to = ByteBuffer.allocate(from.capacity()).order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < tensor.rows(); row++) {
            int inHead = row % headDim;
            int half = inHead / (headDim / 2);
            int pair = inHead % (headDim / 2);
            int source = row - inHead + 2 * pair + half;
            to.put(row * rowBytes, from, source * rowBytes, rowBytes);
        }
        return new Tensor(tensor.name(), tensor.type(), tensor.rows(), tensor.columns(), to);
    }
}
