// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.Profile;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * Launches the attention kernels and owns their scratch memory: partial results of reduction
 * blocks. Used under the lock of {@link CudaKernels}, because a launch leaves what the next one
 * reads.
 */
final class CudaAttention implements AutoCloseable {
    private static final int QUERIES = 8;
    private static final int WARP = 32;
    private static final int MAX_HEAD_DIM = 256;

    /** Dimensions of a value that one thread adds up. */
    private static final int QUAD = 4;

    private static final int MIN_THREADS = 128;
    private static final int REDUCTION_BLOCK_SHIFT = 8;

    /** Longer batches run in several launches. */
    private static final long MAX_SCRATCH_BYTES = 256L << 20;

    private final CudaDevice device;
    private CudaBuffer partialOut;
    private CudaBuffer partials;
    private CudaBuffer totals;
    private CudaBuffer arrived;
    private int generation;

    CudaAttention(CudaDevice device) {
        this.device = device;
    }

    /**
     * Takes scratch memory for all launches of a model's steps. What is there stays until there is
     * more.
     *
     * @param maxRows of a step
     * @param positions most positions of a sequence
     */
    void reserve(int numHeads, int numKvHeads, int headDim, int maxRows, int positions) {
        int blocks = blocks(positions);
        long rowBytes = rowBytes(numHeads, headDim, blocks);
        int chunks = chunks(numHeads / numKvHeads);
        // Shorter sequences have less of each row, and more rows a launch.
        long outBytes = Math.max(rowBytes, Math.min(maxRows * rowBytes, MAX_SCRATCH_BYTES));
        long withTile = outBytes + QUERIES * rowBytes;
        partialOut = grown(partialOut, withTile);
        partials = grown(partials, ceilDiv(2 * withTile, headDim));
        totals = grown(totals, 8L * (maxRows + QUERIES) * numHeads);
        arrived = grown(arrived, 4L * maxRows * numKvHeads * chunks);
    }

    private static int blocks(int positions) {
        return (positions - 1 >> REDUCTION_BLOCK_SHIFT) + 1;
    }

    /** Thread blocks of a KV head. */
    private static int chunks(int groupSize) {
        return (groupSize + QUERIES - 1) / QUERIES;
    }

    /** One for four dimensions of each query, and a warp that adds up weights. */
    private static int threads(int groupSize, int chunks, int headDim) {
        int perChunk = (int) ceilDiv(groupSize, chunks);
        int queries = perChunk * (QUERIES / perChunk);
        int values = queries * (int) ceilDiv(headDim, QUAD);
        return Math.max(MIN_THREADS, WARP * ((int) ceilDiv(values, WARP) + 1));
    }

    /** Partial results of one row. */
    private static long rowBytes(int numHeads, int headDim, int blocks) {
        return 4L * numHeads * blocks * headDim;
    }

    private static long ceilDiv(long dividend, long divisor) {
        return (dividend + divisor - 1) / divisor;
    }

    /** Counts up whenever scratch memory moves: what was recorded before must not be repeated. */
    int generation() {
        return generation;
    }

    /**
     * @param codes where codes of {@code out} go, too; null for none
     */
    void attend(
            CacheView view,
            int layer,
            AttentionParams params,
            DeviceBuffer q,
            DeviceBuffer out,
            Activations codes) {
        int numHeads = params.numHeads();
        int headDim = view.page().headDim();
        if (headDim > MAX_HEAD_DIM) {
            throw new IllegalArgumentException(
                    "headDim=" + headDim + ", must be at most " + MAX_HEAD_DIM);
        }
        int blocks = blocks(view.endPosition());
        int chunks = chunks(numHeads / view.numKvHeads());
        int heads = view.numKvHeads() * chunks;
        int rowsAtOnce = makeRoom(view.numRows(), numHeads, heads, blocks, headDim);
        int threads = threads(numHeads / view.numKvHeads(), chunks, headDim);
        for (int first = 0; first < view.numRows(); first += rowsAtOnce) {
            int rows = Math.min(rowsAtOnce, view.numRows() - first);
            Arguments arguments = new Arguments();
            CacheArguments.append(arguments, view, layer, numHeads);
            long bytes = 4L * view.numRows() * numHeads * headDim;
            arguments.buffer(q, bytes).buffer(out, bytes).codes(codes, view.numRows());
            arguments.buffer(partialOut, 0).buffer(partials, 0).buffer(totals, 0);
            arguments.buffer(arrived, 0);
            appendProfile(arguments, view.profile(), view.numSequences());
            arguments.integer(blocks).integer(layer).integer(chunks).integer(first);
            arguments.buffer(params.sinks(), 4L * numHeads);
            arguments.real(params.scale()).integer(params.window()).real(params.softCap());
            String type = view.page().type().name();
            device.launch("attention_" + type, rows, heads, blocks, threads, arguments);
            if (view.scored() || view.profile() != null) {
                device.launch("attentionShares_" + type, rows, heads, blocks, threads, arguments);
            }
        }
    }

    private static void appendProfile(Arguments arguments, Profile profile, int numSequences) {
        if (profile == null) {
            arguments.address(0).address(0);
        } else {
            arguments
                    .buffer(profile.sequences(), 4L * ProfiledTurn.INTS * numSequences)
                    .buffer(profile.statistics(), 0);
        }
    }

    /**
     * Scratch memory for as many rows a launch as may be; returns how many. There is enough where
     * it was reserved.
     *
     * @param heads KV heads and chunks of large groups
     */
    private int makeRoom(int numRows, int numHeads, int heads, int blocks, int headDim) {
        long rowBytes = rowBytes(numHeads, headDim, blocks);
        int rows = (int) Math.max(1, Math.min(numRows, MAX_SCRATCH_BYTES / rowBytes));
        // A tile of rows may end behind the last row of a launch.
        long slots = (long) (rows + QUERIES) * numHeads;
        partialOut = grown(partialOut, 4 * slots * blocks * headDim);
        partials = grown(partials, 8 * slots * blocks);
        totals = grown(totals, 8 * slots);
        arrived = grown(arrived, 4L * rows * heads);
        return rows;
    }

    private CudaBuffer grown(CudaBuffer buffer, long bytes) {
        if (buffer != null && buffer.bytes() >= bytes) {
            return buffer;
        }
        CudaBuffer larger = new CudaBuffer(device, bytes);
        if (buffer != null) {
            buffer.close();
        }
        generation++;
        return larger;
    }

    @Override
    public void close() {
        for (CudaBuffer buffer : new CudaBuffer[] {partialOut, partials, totals, arrived}) {
            if (buffer != null) {
                buffer.close();
            }
        }
    }
}
