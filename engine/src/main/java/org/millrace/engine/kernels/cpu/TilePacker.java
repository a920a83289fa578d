// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.stream.IntStream;
import org.millrace.engine.tensor.BlockDecoder;
import org.millrace.engine.tensor.Float16;
import org.millrace.engine.tensor.Tensor;
import org.millrace.engine.tensor.WeightBlock;

/**
 * Copies a tensor into tiles of 16 interleaved rows; rows past the end of the last tile are zero.
 */
final class TilePacker {
    private final Tensor tensor;
    private final TileLayout layout;
    private final int tileBytes;

    TilePacker(Tensor tensor) {
        this.tensor = tensor;
        this.layout = TileLayout.of(tensor.type());
        this.tileBytes =
                tensor.type().isFloat()
                        ? tensor.columns() * TileLayout.TILE_ROWS * tensor.type().blockBytes()
                        : tensor.columns() / WeightBlock.SIZE * layout.blockBytes();
    }

    int tileBytes() {
        return tileBytes;
    }

    int tiles() {
        return (tensor.rows() + TileLayout.TILE_ROWS - 1) / TileLayout.TILE_ROWS;
    }

    /** Packs all tiles into {@code target}, of {@code tiles() * tileBytes()} bytes. */
    void pack(CpuBuffer target) {
        IntStream.range(0, tiles())
                .parallel()
                .forEach(
                        tile -> {
                            ByteBuffer out =
                                    ByteBuffer.allocate(tileBytes).order(ByteOrder.LITTLE_ENDIAN);
                            if (tensor.type().isFloat()) {
                                packFloats(tile, out);
                            } else {
                                packBlocks(tile, out);
                            }
                            target.write((long) tile * tileBytes, out);
                        });
    }

    private int rowsOf(int tile) {
        return Math.min(TileLayout.TILE_ROWS, tensor.rows() - tile * TileLayout.TILE_ROWS);
    }

    private void packFloats(int tile, ByteBuffer out) {
        int bytes = tensor.type().blockBytes();
        ByteBuffer data = tensor.data().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        for (int lane = 0; lane < rowsOf(tile); lane++) {
            int row = tile * TileLayout.TILE_ROWS + lane;
            int from = Math.toIntExact(row * tensor.type().rowBytes(tensor.columns()));
            for (int k = 0; k < tensor.columns(); k++) {
                int to = (k * TileLayout.TILE_ROWS + lane) * bytes;
                if (bytes == Short.BYTES) {
                    out.putShort(to, data.getShort(from + k * bytes));
                } else {
                    out.putInt(to, data.getInt(from + k * bytes));
                }
            }
        }
    }

    private void packBlocks(int tile, ByteBuffer out) {
        WeightBlock block = new WeightBlock();
        for (int lane = 0; lane < rowsOf(tile); lane++) {
            int row = tile * TileLayout.TILE_ROWS + lane;
            for (int b = 0; b < tensor.columns() / WeightBlock.SIZE; b++) {
                BlockDecoder.decode(tensor, row, b, block);
                packBlock(block, lane, b * layout.blockBytes(), out);
            }
        }
    }

    private void packBlock(WeightBlock block, int lane, int at, ByteBuffer out) {
        byte[] bytes = out.array();
        if (layout.has(TileLayout.NIBBLES)) {
            for (int k = 0; k < WeightBlock.SIZE / 2; k++) {
                int high = block.codes[k + WeightBlock.SIZE / 2] << 4;
                bytes[at + 64 * (k / 4) + 4 * lane + k % 4] = (byte) (block.codes[k] | high);
            }
        } else {
            for (int k = 0; k < WeightBlock.SIZE; k++) {
                int code = block.codes[k] & 0xFF;
                bytes[at + 64 * (k / 4) + 4 * lane + k % 4] = (byte) (code - block.zero);
            }
        }
        if (layout.has(TileLayout.HALVES)) {
            out.put(at + layout.halfScalesAt() + lane, (byte) block.halfScale0);
            out.put(
                    at + layout.halfScalesAt() + TileLayout.TILE_ROWS + lane,
                    (byte) block.halfScale1);
        }
        putScale(out, at + layout.scalesAt(), lane, block.scale);
        if (layout.has(TileLayout.MINS)) {
            putScale(out, at + layout.minsAt(), lane, block.min);
        }
    }

    private void putScale(ByteBuffer out, int at, int lane, float value) {
        if (layout.has(TileLayout.HALF_FLOATS)) {
            out.putShort(at + Short.BYTES * lane, Float16.fromFloat(value));
        } else {
            out.putFloat(at + Float.BYTES * lane, value);
        }
    }
}
