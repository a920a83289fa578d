// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cpu;

import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.tensor.Tensor;

/** A weight matrix in tiles, with its native header. */
final class CpuMatrix implements WeightMatrix {
    private final int rows;
    private final int columns;
    private final boolean usesCodes;
    private final CpuBuffer tiles;
    private long header;

    CpuMatrix(Tensor tensor, ActivationType activations) {
        rows = tensor.rows();
        columns = tensor.columns();
        usesCodes = !tensor.type().isFloat() && activations == ActivationType.INT8;
        TilePacker packer = new TilePacker(tensor);
        TileLayout layout = TileLayout.of(tensor.type());
        tiles = new CpuBuffer((long) packer.tiles() * packer.tileBytes());
        packer.pack(tiles);
        header =
                CpuNative.newMatrix(
                        tiles.address(),
                        layout.blockBytes(),
                        packer.tileBytes(),
                        rows,
                        columns,
                        layout.type(),
                        layout.flags(),
                        usesCodes);
        if (header == 0) {
            throw new OutOfMemoryError("no native memory for a matrix header");
        }
    }

    /** Address of the native header. */
    long header() {
        if (header == 0) {
            throw new IllegalStateException("matrix is closed: " + rows + " x " + columns);
        }
        return header;
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
        return tiles.bytes();
    }

    @Override
    public boolean usesCodes() {
        return usesCodes;
    }

    @Override
    public void close() {
        if (header != 0) {
            CpuNative.freeMatrix(header);
            header = 0;
            tiles.close();
        }
    }
}
