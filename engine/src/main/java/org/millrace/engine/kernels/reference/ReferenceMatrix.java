// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.tensor.BlockDecoder;
import org.millrace.engine.tensor.Tensor;
import org.millrace.engine.tensor.WeightBlock;

/** Decoded weights: signed codes with float scales for block types, floats for float types. */
final class ReferenceMatrix implements WeightMatrix {
    /** Blocks of one serial chain: 1,024 weights along K. */
    private static final int SEGMENT = 1024;

    private static final int SEGMENT_BLOCKS = SEGMENT / WeightBlock.SIZE;

    private final int rows;
    private final int columns;
    private final boolean usesCodes;

    /** float[rows][columns]; float types only. */
    private float[] values;

    /** int8[rows][columns], code - zero; block types only, as all below. */
    private byte[] codes;

    /** float[rows][columns / 32]. */
    private float[] scales;

    /** float[rows][columns / 32]; null where the type has none. */
    private float[] mins;

    /**
     * int8[rows][columns / 32][2]: integer factors of the halves of a block; null where all are 1.
     */
    private byte[] halfScales;

    ReferenceMatrix(Tensor tensor, ActivationType activations) {
        rows = tensor.rows();
        columns = tensor.columns();
        boolean isFloat = tensor.type().isFloat();
        usesCodes = !isFloat && activations == ActivationType.INT8;
        if (isFloat) {
            values = new float[Math.multiplyExact(rows, columns)];
            float[] row = new float[columns];
            for (int r = 0; r < rows; r++) {
                BlockDecoder.dequantizeRow(tensor, r, row);
                System.arraycopy(row, 0, values, r * columns, columns);
            }
        } else {
            decodeBlocks(tensor);
        }
    }

    private void decodeBlocks(Tensor tensor) {
        int blocks = Math.multiplyExact(rows, columns / WeightBlock.SIZE);
        codes = new byte[Math.multiplyExact(rows, columns)];
        scales = new float[blocks];
        mins = new float[blocks];
        halfScales = new byte[2 * blocks];
        boolean hasMin = false;
        boolean hasHalves = false;
        WeightBlock block = new WeightBlock();
        for (int b = 0; b < blocks; b++) {
            int row = b / (columns / WeightBlock.SIZE);
            BlockDecoder.decode(tensor, row, b % (columns / WeightBlock.SIZE), block);
            for (int i = 0; i < WeightBlock.SIZE; i++) {
                codes[b * WeightBlock.SIZE + i] = (byte) ((block.codes[i] & 0xFF) - block.zero);
            }
            scales[b] = block.scale;
            mins[b] = block.min;
            halfScales[2 * b] = (byte) block.halfScale0;
            halfScales[2 * b + 1] = (byte) block.halfScale1;
            hasMin |= block.hasMin;
            hasHalves |= block.halfScale0 != 1 || block.halfScale1 != 1;
        }
        mins = hasMin ? mins : null;
        halfScales = hasHalves ? halfScales : null;
    }

    /** Dequantised row {@code r}. */
    float[] dequantize(int r) {
        float[] row = new float[columns];
        for (int k = 0; k < columns; k++) {
            int i = r * columns + k;
            if (values != null) {
                row[k] = values[i];
                continue;
            }
            int b = i / WeightBlock.SIZE;
            int half = halfScales == null ? 1 : halfScales[2 * b + (i / 16) % 2];
            float scaled = scales[b] * half * codes[i];
            row[k] = mins == null ? scaled : scaled + mins[b];
        }
        return row;
    }

    /** Product of a dequantised row with float activations {@code x[from, from + columns)}. */
    float dot(float[] row, float[] x, int from) {
        float sum = 0f;
        for (int start = 0; start < columns; start += SEGMENT) {
            float acc = 0f;
            for (int k = start; k < Math.min(start + SEGMENT, columns); k++) {
                acc = Math.fma(row[k], x[from + k], acc);
            }
            sum = start == 0 ? acc : sum + acc;
        }
        return sum;
    }

    /** Product of row {@code r} with int8 activations. */
    float dot(int r, QuantizedRows in, int inRow) {
        int blocks = columns / WeightBlock.SIZE;
        float sum = 0f;
        for (int start = 0; start < blocks; start += SEGMENT_BLOCKS) {
            float acc = 0f;
            for (int b = start; b < Math.min(start + SEGMENT_BLOCKS, blocks); b++) {
                acc = addBlock(r * blocks + b, in, inRow * blocks + b, acc);
            }
            sum = start == 0 ? acc : sum + acc;
        }
        return sum;
    }

    private float addBlock(int w, QuantizedRows in, int a, float acc) {
        int first = halfDot(w * WeightBlock.SIZE, in.codes(), a * WeightBlock.SIZE);
        int second = halfDot(w * WeightBlock.SIZE + 16, in.codes(), a * WeightBlock.SIZE + 16);
        int v = first + second;
        if (halfScales != null) {
            v = halfScales[2 * w] * first + halfScales[2 * w + 1] * second;
        }
        float scale = in.scales()[a];
        float sum = Math.fma(scales[w] * scale, (float) v, acc);
        return mins == null ? sum : Math.fma(mins[w], scale * (float) in.sums()[a], sum);
    }

    private int halfDot(int w, byte[] x, int a) {
        int sum = 0;
        for (int i = 0; i < 16; i++) {
            sum += codes[w + i] * x[a + i];
        }
        return sum;
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    @Override
    public long bytes() {
        if (values != null) {
            return 4L * values.length;
        }
        return codes.length
                + 4L * scales.length
                + (mins == null ? 0 : 4L * mins.length)
                + (halfScales == null ? 0 : halfScales.length);
    }

    @Override
    public boolean usesCodes() {
        return usesCodes;
    }

    @Override
    public void close() {}
}
