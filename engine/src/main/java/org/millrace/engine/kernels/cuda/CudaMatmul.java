// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import static org.millrace.engine.kernels.cuda.CudaKernels.ceilDiv;

import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.WeightMatrix;

/** Launches the matrix products; neighbours of one format share a launch. */
final class CudaMatmul {
    private static final int MAX_MATRICES = 4;
    private static final int WARP = 32;
    private static final int SEGMENT = 1024;

    /** Output rows of a thread block: of few rows of the batch, and of more or of float types. */
    private static final int ROWS = 4;

    private static final int TILE_ROWS = 32;

    private static final int MAX_WARPS = 4;
    private static final int BATCH = 8;
    private static final int TENSOR_BATCH = 64;
    private static final int MAX_FLOAT_WARPS = 8;
    private static final int FLOAT_BATCH = 4;

    private final CudaDevice device;

    CudaMatmul(CudaDevice device) {
        this.device = device;
    }

    /**
     * @param added whether the products are added to what {@code outs} hold
     */
    void multiply(
            Activations in, int rows, WeightMatrix[] weights, DeviceBuffer[] outs, boolean added) {
        for (WeightMatrix matrix : weights) {
            if (matrix.columns() != in.width()) {
                throw new IllegalArgumentException(
                        "columns=" + matrix.columns() + ", width of the input=" + in.width());
            }
        }
        for (int first = 0, end; first < weights.length; first = end) {
            end = first + 1;
            CudaMatrix matrix = (CudaMatrix) weights[first];
            if (!matrix.usesCodes()) {
                multiplyFloats(in, rows, matrix, outs[first], added);
                continue;
            }
            while (end < weights.length
                    && end - first < MAX_MATRICES
                    && weights[end].usesCodes()
                    && ((CudaMatrix) weights[end]).format() == matrix.format()) {
                end++;
            }
            multiplyCodes(in, rows, weights, outs, first, end, added);
        }
    }

    private void multiplyCodes(
            Activations in,
            int rows,
            WeightMatrix[] weights,
            DeviceBuffer[] outs,
            int first,
            int end,
            boolean added) {
        Arguments arguments = new Arguments();
        int rowsAtOnce = rows <= BATCH ? ROWS : TILE_ROWS;
        int[] firstTiles = new int[MAX_MATRICES + 1];
        for (int i = 0; i < MAX_MATRICES; i++) {
            // Places that are not used repeat the last matrix and have no tiles.
            CudaMatrix matrix = (CudaMatrix) weights[Math.min(first + i, end - 1)];
            matrix.describe(arguments);
            int tiles = first + i < end ? ceilDiv(matrix.rows(), rowsAtOnce) : 0;
            firstTiles[i + 1] = firstTiles[i] + tiles;
        }
        for (int i = 0; i < MAX_MATRICES; i++) {
            int at = Math.min(first + i, end - 1);
            arguments.buffer(outs[at], 4L * rows * weights[at].rows());
        }
        for (int tile : firstTiles) {
            arguments.integer(tile);
        }
        long blocks = (long) rows * in.width() / Activations.BLOCK;
        arguments
                .integer(rows)
                .integer(added ? 1 : 0)
                .buffer(in.codes(), (long) rows * in.width())
                .buffer(in.scales(), 4 * blocks)
                .buffer(in.sums(), 4 * blocks);
        MatrixFormat format = ((CudaMatrix) weights[first]).format();
        int tiles = firstTiles[MAX_MATRICES];
        int segmentThreads = WARP * Math.min(MAX_WARPS, ceilDiv(in.width(), SEGMENT));
        if (rows == 1) {
            device.launch("matvec_" + format, tiles, 1, 1, segmentThreads, arguments);
        } else if (rows <= BATCH) {
            device.launch("matmul_" + format, tiles, 1, 1, segmentThreads, arguments);
        } else {
            int chunks = ceilDiv(rows, TENSOR_BATCH);
            int threads = WARP * MAX_WARPS;
            device.launch("tensorMatmul_" + format, tiles, chunks, 1, threads, arguments);
        }
    }

    private void multiplyFloats(
            Activations in, int rows, CudaMatrix matrix, DeviceBuffer out, boolean added) {
        Arguments arguments = new Arguments();
        matrix.describe(arguments);
        arguments
                .buffer(in.values(), 4L * rows * in.width())
                .buffer(out, 4L * rows * matrix.rows())
                .integer(rows)
                .integer(added ? 1 : 0);
        device.launch(
                "floatMatmul_" + matrix.format(),
                ceilDiv(matrix.rows(), TILE_ROWS),
                ceilDiv(rows, FLOAT_BATCH),
                1,
                WARP * Math.min(MAX_FLOAT_WARPS, ceilDiv(in.width(), SEGMENT)),
                arguments);
    }
}
