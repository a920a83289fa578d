package org.millrace.engine.kernels.cuda;

import org.millrace.engine.kernels.Activations;
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
            int numHeads,
            DeviceBuffer q,
            DeviceBuffer out,
            Activations codes) {
        int headDim = view.page().headDim();
        if (headDim > MAX_HEAD_DIM) {
            throw new IllegalArgumentException(
                    "headDim=" + headDim + ", must be at most " + MAX_HEAD_DIM);
        }
        int blocks = (view.endPosition() - 1 >> REDUCTION_BLOCK_SHIFT) + 1;
        int groupSize = numHeads / view.numKvHeads();
        int chunks = (groupSize + QUERIES - 1) / QUERIES;
        int heads = view.numKvHeads() * chunks;
        int rowsAtOnce = makeRoom(view.numRows(), numHeads, heads, blocks, headDim);
        int threads = (headDim + WARP - 1) / WARP * WARP + WARP;
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
     * Scratch memory for as many rows a launch as there is memory for; returns how many.
     *
     * @param heads KV heads and chunks of large groups
     */
    private int makeRoom(int numRows, int numHeads, int heads, int blocks, int headDim) {
        long rowBytes = 4L * numHeads * blocks * headDim;
        int rows = (int) Math.max(1, Math.min(numRows, MAX_SCRATCH_BYTES / rowBytes));
        while (true) {
            try {
                // A tile of rows may end behind the last row of a launch.
                long slots = (long) (rows + QUERIES) * numHeads;
                partialOut = grown(partialOut, 4 * slots * blocks * headDim);
                partials = grown(partials, 8 * slots * blocks);
                totals = grown(totals, 8 * slots);
                arrived = grown(arrived, 4L * rows * heads);
                return rows;
            } catch (OutOfMemoryError e) {
                if (rows == 1) {
                    throw e;
                }
                close();
                rows = (rows + 1) / 2;
            }
        }
    }

    private CudaBuffer grown(CudaBuffer buffer, long bytes) {
        if (buffer != null && buffer.bytes() >= bytes) {
            return buffer;
        }
        if (buffer != null) {
            buffer.close();
        }
        generation++;
        return new CudaBuffer(device, bytes);
    }

    /** Frees the scratch memory; the next launch takes it again. */
    @Override
    public void close() {
        for (CudaBuffer buffer : new CudaBuffer[] {partialOut, partials, totals, arrived}) {
            if (buffer != null) {
                buffer.close();
            }
        }
        partialOut = null;
        partials = null;
        totals = null;
        arrived = null;
        generation++;
    }
}
