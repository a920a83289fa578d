// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.stream.IntStream;
import org.millrace.engine.tensor.BlockDecoder;
import org.millrace.engine.tensor.Float16;
import org.millrace.engine.tensor.Tensor;
import org.millrace.engine.tensor.WeightBlock;

/** Brings a tensor into the sections of {@code matrix.cuh}, some rows at a time. */
final class MatrixPacker {
    /** Rows of a tile of a float type, and of a chunk that is packed at once. */
    static final int TILE_ROWS = 32;

    static final int CODES = 0;
    static final int HALF_SCALES = 1;
    static final int SCALES = 2;
    static final int MINS = 3;

    /** Takes the bytes of some rows of a section. */
    @FunctionalInterface
    interface Target {
        void write(int section, long offset, ByteBuffer bytes);
    }

    private final Tensor tensor;
    private final MatrixFormat format;
    private final int blocks;
    private final int[] rowBytes;

    MatrixPacker(Tensor tensor, MatrixFormat format) {
        this.tensor = tensor;
        this.format = format;
        this.blocks = tensor.columns() / WeightBlock.SIZE;
        this.rowBytes =
                format.isFloat()
                        ? new int[] {format.codeBytes() * tensor.columns(), 0, 0, 0}
                        : new int[] {
                            format.codeBytes() * blocks,
                            format.hasHalves() ? 2 * blocks : 0,
                            format.scaleBytes() * blocks,
                            format.hasMins() ? format.scaleBytes() * blocks : 0
                        };
    }

    /** Bytes of codes, half scales, scales and mins; 0 where there are none. */
    long[] sectionBytes() {
        long rows =
                format.isFloat()
                        ? (tensor.rows() + TILE_ROWS - 1L) / TILE_ROWS * TILE_ROWS
                        : tensor.rows();
        return IntStream.of(rowBytes).mapToLong(bytes -> rows * bytes).toArray();
    }

    void pack(Target target) {
        for (int first = 0; first < tensor.rows(); first += TILE_ROWS) {
            int firstRow = first;
            int rows = Math.min(TILE_ROWS, tensor.rows() - first);
            ByteBuffer[] chunk = newChunk(format.isFloat() ? TILE_ROWS : rows);
            IntStream.range(0, rows)
                    .parallel()
                    .forEach(
                            r -> {
                                if (format.isFloat()) {
                                    packFloats(firstRow + r, r, chunk[CODES]);
                                } else {
                                    packBlocks(firstRow + r, r, chunk);
                                }
                            });
            for (int section = CODES; section <= MINS; section++) {
                if (rowBytes[section] > 0) {
                    target.write(section, (long) first * rowBytes[section], chunk[section]);
                }
            }
        }
    }

    private ByteBuffer[] newChunk(int rows) {
        return IntStream.of(rowBytes)
                .mapToObj(bytes -> ByteBuffer.allocate(rows * bytes).order(ByteOrder.LITTLE_ENDIAN))
                .toArray(ByteBuffer[]::new);
    }

    private void packFloats(int row, int lane, ByteBuffer tile) {
        int bytes = format.codeBytes();
        int from = Math.toIntExact(row * tensor.type().rowBytes(tensor.columns()));
        for (int k = 0; k < tensor.columns(); k++) {
            int at = (k * TILE_ROWS + lane) * bytes;
            if (bytes == Float.BYTES) {
                tile.putInt(at, tensor.data().getInt(from + k * bytes));
            } else {
                tile.putShort(at, tensor.data().getShort(from + k * bytes));
            }
        }
    }

    private void packBlocks(int row, int r, ByteBuffer[] chunk) {
        WeightBlock block = new WeightBlock();
        for (int b = 0; b < blocks; b++) {
            BlockDecoder.decode(tensor, row, b, block);
            int at = r * blocks + b;
            packCodes(block, chunk[CODES], at * format.codeBytes());
            putScale(chunk[SCALES], at, block.scale);
            if (format.hasMins()) {
                putScale(chunk[MINS], at, block.min);
            }
            if (format.hasHalves()) {
                chunk[HALF_SCALES].put(2 * at, (byte) block.halfScale0);
                chunk[HALF_SCALES].put(2 * at + 1, (byte) block.halfScale1);
            }
        }
    }

    private void packCodes(WeightBlock block, ByteBuffer codes, int at) {
        for (int i = 0; i < format.codeBytes(); i++) {
            byte code =
                    format.hasNibbles()
                            ? (byte) (block.codes[i] | block.codes[i + WeightBlock.SIZE / 2] << 4)
                            : (byte) (block.codes[i] - block.zero);
            codes.put(at + i, code);
        }
    }

    private void putScale(ByteBuffer scales, int at, float scale) {
        if (format.scaleBytes() == Float.BYTES) {
            scales.putFloat(at * Float.BYTES, scale);
        } else {
            scales.putShort(at * Short.BYTES, Float16.fromFloat(scale));
        }
    }
}
