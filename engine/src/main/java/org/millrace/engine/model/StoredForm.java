// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.millrace.engine.model.family.RotaryOrder;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.tensor.BlockDecoder;
import org.millrace.engine.tensor.Tensor;
import org.millrace.engine.tensor.TensorType;

/**
 * In which form files hold what a forward pass reads in another.
 *
 * @param rotaryOrder of the rows and biases of queries and keys
 * @param normOffset to be added to the weights of norms
 */
record StoredForm(RotaryOrder rotaryOrder, float normOffset) {
    private static final Pattern ROTATED =
            Pattern.compile("blk\\.(\\d+)\\.attn_[qk]\\.(?:weight|bias)");

    /** The tensor as a forward pass reads it; a copy on the heap where it differs. */
    Tensor read(ModelSpec spec, Tensor tensor) {
        Matcher matcher = ROTATED.matcher(tensor.name());
        if (matcher.matches()) {
            int layer = Integer.parseInt(matcher.group(1));
            int dimensions = spec.layers().get(layer).attention().rotary().dimensions();
            return RotatedRows.toHalfSplit(tensor, rotaryOrder, spec.headDim(), dimensions);
        }
        return normOffset != 0 && tensor.name().endsWith("norm.weight") ? offset(tensor) : tensor;
    }

    private Tensor offset(Tensor tensor) {
        float[] row = new float[tensor.columns()];
        BlockDecoder.dequantizeRow(tensor, 0, row);
        ByteBuffer sums =
                ByteBuffer.allocate(Float.BYTES * row.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float weight : row) {
            sums.putFloat(weight + normOffset);
        }
        return new Tensor(tensor.name(), TensorType.F32, 1, row.length, sums.flip());
    }
}
