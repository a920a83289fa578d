// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cpu;

import org.millrace.engine.tensor.TensorType;

/**
 * How a weight type lies in tiles of {@value #TILE_ROWS} interleaved rows, as {@code
 * src/main/native/kernels.h} reads it. A tile is a run of tile blocks of 32 weights along K:
 *
 * <pre>
 *   codes       4 bits: int8[4][16][4]; low nibble of chunk j: weights 4j..4j+3, high nibble: 16 + 4j..
 *               8 bits: int8[8][16][4], code - zero
 *   halfScales  int8[2][16]; Q6_K only
 *   scales      float16[16] or float32[16]
 *   mins        as scales; only types that have them
 * </pre>
 *
 * Float types: T[columns][16] per tile.
 *
 * @param type 0 float32, 1 float16, 2 bfloat16, 3 blocks
 * @param flags of a block type; see the constants
 */
record TileLayout(int type, int flags) {
    static final int TILE_ROWS = 16;

    static final int NIBBLES = 1;
    static final int ZERO_8 = 2;
    static final int HALF_FLOATS = 4;
    static final int MINS = 8;
    static final int HALVES = 16;

    private static final int BLOCKS = 3;

    static TileLayout of(TensorType type) {
        return switch (type) {
            case F32 -> new TileLayout(0, 0);
            case F16 -> new TileLayout(1, 0);
            case BF16 -> new TileLayout(2, 0);
            case Q4_0 -> new TileLayout(BLOCKS, NIBBLES | ZERO_8 | HALF_FLOATS);
            case Q4_1 -> new TileLayout(BLOCKS, NIBBLES | HALF_FLOATS | MINS);
            case Q5_0, Q8_0 -> new TileLayout(BLOCKS, HALF_FLOATS);
            case Q5_1 -> new TileLayout(BLOCKS, HALF_FLOATS | MINS);
            case Q4_K -> new TileLayout(BLOCKS, NIBBLES | MINS);
            case Q5_K -> new TileLayout(BLOCKS, MINS);
            case Q6_K -> new TileLayout(BLOCKS, HALVES | HALF_FLOATS);
        };
    }

    boolean has(int flag) {
        return (flags & flag) != 0;
    }

    int codeBytes() {
        return has(NIBBLES) ? 256 : 512;
    }

    int halfScalesAt() {
        return codeBytes();
    }

    int scalesAt() {
        return codeBytes() + (has(HALVES) ? 2 * TILE_ROWS : 0);
    }

    private int scaleBytes() {
        return TILE_ROWS * (has(HALF_FLOATS) ? 2 : 4);
    }

    int minsAt() {
        return scalesAt() + scaleBytes();
    }

    /** Bytes of a tile block of 16 rows by 32 weights. */
    int blockBytes() {
        return minsAt() + (has(MINS) ? scaleBytes() : 0);
    }
}
