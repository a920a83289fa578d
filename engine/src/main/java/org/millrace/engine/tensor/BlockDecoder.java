// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.tensor;

import java.nio.ByteBuffer;

/**
 * Decodes stored weights of every type into the common form of {@link WeightBlock}. The byte
 * layouts are ggml's; which products are exact in binary32 is listed in {@code docs/numerics.md}.
 * Thread safe.
 */
public final class BlockDecoder {
    /** Blocks of 32 in a super-block of a K-quant. */
    private static final int BLOCKS_PER_SUPER_BLOCK = 8;

    private BlockDecoder() {}

    /**
     * Decodes 32 consecutive weights of a block type.
     *
     * @param block index of the block within the row, columns {@code 32 * block} and following
     */
    public static void decode(Tensor tensor, int row, int block, WeightBlock out) {
        TensorType type = tensor.type();
        int blocksPerUnit = type.blockSize() / WeightBlock.SIZE;
        long unit = row * type.rowBytes(tensor.columns());
        if (!type.isFloat()) {
            unit += (long) (block / blocksPerUnit) * type.blockBytes();
        }
        ByteBuffer data = tensor.data();
        int at = Math.toIntExact(unit);
        out.hasMin = false;
        out.min = 0;
        out.halfScale0 = 1;
        out.halfScale1 = 1;
        switch (type) {
            case Q4_0 -> decodeQ40(data, at, out);
            case Q4_1 -> decodeQ41(data, at, out);
            case Q5_0 -> decodeQ50(data, at, out);
            case Q5_1 -> decodeQ51(data, at, out);
            case Q8_0 -> decodeQ80(data, at, out);
            case Q4_K -> decodeQ4K(data, at, block % BLOCKS_PER_SUPER_BLOCK, out);
            case Q5_K -> decodeQ5K(data, at, block % BLOCKS_PER_SUPER_BLOCK, out);
            case Q6_K -> decodeQ6K(data, at, block % BLOCKS_PER_SUPER_BLOCK, out);
            default -> throw new IllegalArgumentException(type + " has no blocks of integers");
        }
    }

    /**
     * The weights of one row as floats: products of scale and code are exact, adding a minimum
     * rounds once.
     *
     * @param out float[columns], filled from 0
     */
    public static void dequantizeRow(Tensor tensor, int row, float[] out) {
        ByteBuffer data = tensor.data();
        int columns = tensor.columns();
        int at = Math.toIntExact(row * tensor.type().rowBytes(columns));
        switch (tensor.type()) {
            case F32 -> {
                for (int k = 0; k < columns; k++) {
                    out[k] = data.getFloat(at + Float.BYTES * k);
                }
            }
            case F16 -> {
                for (int k = 0; k < columns; k++) {
                    out[k] = Float16.toFloat(data.getShort(at + Short.BYTES * k));
                }
            }
            case BF16 -> {
                for (int k = 0; k < columns; k++) {
                    out[k] = Float.intBitsToFloat(data.getShort(at + Short.BYTES * k) << 16);
                }
            }
            default -> {
                WeightBlock block = new WeightBlock();
                for (int b = 0; b < columns / WeightBlock.SIZE; b++) {
                    decode(tensor, row, b, block);
                    dequantize(block, out, b * WeightBlock.SIZE);
                }
            }
        }
    }

    private static void dequantize(WeightBlock block, float[] out, int offset) {
        for (int i = 0; i < WeightBlock.SIZE; i++) {
            int code = (block.codes[i] & 0xFF) - block.zero;
            int half = i < WeightBlock.SIZE / 2 ? block.halfScale0 : block.halfScale1;
            float value = block.scale * (half * code);
            out[offset + i] = block.hasMin ? value + block.min : value;
        }
    }

    private static void decodeQ40(ByteBuffer data, int at, WeightBlock out) {
        out.zero = 8;
        out.scale = half(data, at);
        nibbles(data, at + 2, out);
    }

    private static void decodeQ41(ByteBuffer data, int at, WeightBlock out) {
        out.zero = 0;
        out.scale = half(data, at);
        min(half(data, at + 2), out);
        nibbles(data, at + 4, out);
    }

    private static void decodeQ50(ByteBuffer data, int at, WeightBlock out) {
        out.zero = 16;
        out.scale = half(data, at);
        nibbles(data, at + 6, out);
        fifthBits(data.getInt(at + 2), out);
    }

    private static void decodeQ51(ByteBuffer data, int at, WeightBlock out) {
        out.zero = 0;
        out.scale = half(data, at);
        min(half(data, at + 2), out);
        nibbles(data, at + 8, out);
        fifthBits(data.getInt(at + 4), out);
    }

    private static void decodeQ80(ByteBuffer data, int at, WeightBlock out) {
        out.zero = 128;
        out.scale = half(data, at);
        for (int i = 0; i < WeightBlock.SIZE; i++) {
            out.codes[i] = (byte) (data.get(at + 2 + i) + 128);
        }
    }

    /**
     * Super-block: half d, half dmin, 12 bytes of 6-bit scales and minimums, 128 bytes of nibbles.
     */
    private static void decodeQ4K(ByteBuffer data, int at, int block, WeightBlock out) {
        scaleAndMin(data, at, block, out);
        kNibbles(data, at + 16, block, out);
    }

    /**
     * As {@link #decodeQ4K}, with 32 bytes of fifth bits (bit {@code block} of each) before the
     * nibbles.
     */
    private static void decodeQ5K(ByteBuffer data, int at, int block, WeightBlock out) {
        scaleAndMin(data, at, block, out);
        kNibbles(data, at + 48, block, out);
        for (int i = 0; i < WeightBlock.SIZE; i++) {
            int high = data.get(at + 16 + i) >>> block & 1;
            out.codes[i] |= (byte) (high << 4);
        }
    }

    /**
     * Super-block: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales, half d.
     */
    private static void decodeQ6K(ByteBuffer data, int at, int block, WeightBlock out) {
        out.zero = 32;
        out.scale = half(data, at + 208);
        out.halfScale0 = data.get(at + 192 + 2 * block);
        out.halfScale1 = data.get(at + 192 + 2 * block + 1);
        int group = block >>> 2;
        int quarter = block & 3;
        int low = at + 64 * group + 32 * (quarter & 1);
        int high = at + 128 + 32 * group;
        for (int i = 0; i < WeightBlock.SIZE; i++) {
            int nibble = data.get(low + i) >>> 4 * (quarter >>> 1) & 0xF;
            int pair = data.get(high + i) >>> 2 * quarter & 3;
            out.codes[i] = (byte) (nibble | pair << 4);
        }
    }

    /** Both products are exact: 11 bits times 6 bits. */
    private static void scaleAndMin(ByteBuffer data, int at, int block, WeightBlock out) {
        int packed = at + 4;
        int scale;
        int min;
        if (block < 4) {
            scale = data.get(packed + block) & 63;
            min = data.get(packed + block + 4) & 63;
        } else {
            int low = data.get(packed + block + 4);
            scale = low & 0xF | (data.get(packed + block - 4) & 0xC0) >>> 2;
            min = low >>> 4 & 0xF | (data.get(packed + block) & 0xC0) >>> 2;
        }
        out.zero = 0;
        out.scale = half(data, at) * scale;
        min(-(half(data, at + 2) * min), out);
    }

    /** Two blocks share 32 bytes: the even one has the low nibbles. */
    private static void kNibbles(ByteBuffer data, int at, int block, WeightBlock out) {
        int from = at + 32 * (block >>> 1);
        int shift = 4 * (block & 1);
        for (int i = 0; i < WeightBlock.SIZE; i++) {
            out.codes[i] = (byte) (data.get(from + i) >>> shift & 0xF);
        }
    }

    private static void nibbles(ByteBuffer data, int at, WeightBlock out) {
        for (int i = 0; i < WeightBlock.SIZE / 2; i++) {
            int pair = data.get(at + i);
            out.codes[i] = (byte) (pair & 0xF);
            out.codes[i + WeightBlock.SIZE / 2] = (byte) (pair >>> 4 & 0xF);
        }
    }

    private static void fifthBits(int bits, WeightBlock out) {
        for (int i = 0; i < WeightBlock.SIZE; i++) {
            out.codes[i] |= (byte) ((bits >>> i & 1) << 4);
        }
    }

    private static void min(float min, WeightBlock out) {
        out.hasMin = true;
        out.min = min;
    }

    private static float half(ByteBuffer data, int at) {
        return Float16.toFloat(data.getShort(at));
    }
}
