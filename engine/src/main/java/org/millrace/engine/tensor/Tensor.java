// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A weight as it lies in the model's files: {@code rows x columns}, row-major, in the bytes of its
 * type. A vector has one row.
 *
 * @param name canonical name, as in GGUF ({@code blk.0.attn_q.weight})
 * @param data little-endian, position 0 is the first byte of row 0; mapped or on the heap, never
 *     written
 */
public record Tensor(String name, TensorType type, int rows, int columns, ByteBuffer data) {
    public Tensor {
        data = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }
}
