// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.tensor;

/**
 * Element types of stored tensors. Block types hold {@link #blockSize()} weights in {@link
 * #blockBytes()} bytes, laid out as in the GGUF specification.
 */
public enum TensorType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    BF16(30, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210);

    private final int ggufId;
    private final int blockSize;
    private final int blockBytes;

    TensorType(int ggufId, int blockSize, int blockBytes) {
        this.ggufId = ggufId;
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
    }

    /** The type's number in a GGUF file. */
    public int ggufId() {
        return ggufId;
    }

    /** Weights per block; 1 for the float types. */
    public int blockSize() {
        return blockSize;
    }

    /** Bytes per block. */
    public int blockBytes() {
        return blockBytes;
    }

    /** Whether weights are floats (F32, F16, BF16) and not blocks of integers with scales. */
    public boolean isFloat() {
        return blockSize == 1;
    }

    /** Bytes of one row of {@code columns} weights. */
    public long rowBytes(int columns) {
        return (long) columns / blockSize * blockBytes;
    }
}
