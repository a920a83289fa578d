// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.millrace.engine.model.family.RotaryOrder;
import org.millrace.engine.tensor.Tensor;

/** Brings rows, or biases, of query and key projections into half-split order. */
final class RotatedRows {
    private RotatedRows() {}

    /**
     * The tensor in half-split order; a copy on the heap where something had to move.
     *
     * @param tensor rows of heads, or one row of their biases
     * @param dimensions of a head that are rotated; those behind stay
     */
    static Tensor toHalfSplit(Tensor tensor, RotaryOrder order, int headDim, int dimensions) {
        if (order == RotaryOrder.HALF_SPLIT) {
            return tensor;
        }
        boolean isVector = tensor.rows() == 1;
        int count = isVector ? tensor.columns() : tensor.rows();
        int bytes =
                Math.toIntExact(
                        isVector
                                ? tensor.type().rowBytes(1)
                                : tensor.type().rowBytes(tensor.columns()));
        ByteBuffer from = tensor.data();
        ByteBuffer to = ByteBuffer.allocate(from.capacity()).order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < count; row++) {
            int source = row - row % headDim + source(row % headDim, dimensions);
            to.put(row * bytes, from, source * bytes, bytes);
        }
        return new Tensor(tensor.name(), tensor.type(), tensor.rows(), tensor.columns(), to);
    }

    private static int source(int inHead, int dimensions) {
        if (inHead >= dimensions) {
            return inHead;
        }
        int half = inHead / (dimensions / 2);
        int pair = inHead % (dimensions / 2);
        return 2 * pair + half;
    }
}
