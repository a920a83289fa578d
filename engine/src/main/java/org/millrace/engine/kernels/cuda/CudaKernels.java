// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.DeviceLimits;
import org.millrace.engine.kernels.DeviceUsage;
import org.millrace.engine.kernels.DeviceUsage.Work;
import org.millrace.engine.kernels.GateFunction;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Resources;
import org.millrace.engine.kernels.Rotation;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.tensor.Tensor;

/**
 * Kernels for one NVIDIA GPU. Operations are queued on one stream and run in the order of the
 * calls; {@link DeviceBuffer#read} waits for all that was queued before. Sizes are checked here, on
 * every call; kernels trust them.
 */
public final class CudaKernels implements KernelProvider {
    private static final int THREADS = 256;
    private static final int WARP = 32;

    private final Resources owned = new Resources();
    private final CudaDevice device;
    private final CudaAttention attention;
    private final CudaMatmul matmul;
    private final CudaGraphs graphs;

    /** Whether the operations that are called are those of {@link #repeat}. */
    private boolean repeating;

    private CudaKernels(CudaDevice device) {
        this.device = owned.add(device);
        this.attention = owned.add(new CudaAttention(device));
        this.matmul = new CudaMatmul(device);
        this.graphs = owned.add(new CudaGraphs(device));
    }

    /** Whether the system has an NVIDIA GPU; never true for the emulated one of the tests. */
    public static boolean isDetected() {
        return CudaDriver.isDetected();
    }

    /** Devices that the driver sees; 0 if there is no driver. */
    public static int devices() {
        return CudaDriver.failure() == null ? CudaDriver.deviceCount() : 0;
    }

    /**
     * The kernels on a device.
     *
     * @param ordinal the device's number for the driver, from 0
     * @throws UnsupportedOperationException if they cannot run there
     */
    public static CudaKernels create(int ordinal) {
        String reason = CudaDriver.failure();
        if (reason != null) {
            throw new UnsupportedOperationException(
                    "kernel provider cuda is not available: " + reason);
        }
        return new CudaKernels(new CudaDevice(ordinal));
    }

    @Override
    public String name() {
        return "cuda (" + device + ")";
    }

    @Override
    public DeviceBuffer allocate(long bytes) {
        return new CudaBuffer(device, bytes);
    }

    @Override
    public DeviceLimits limits() {
        return device.limits();
    }

    @Override
    public DeviceUsage usage() {
        return device.usage();
    }

    @Override
    public WeightMatrix pack(Tensor tensor, ActivationType activations) {
        return new CudaMatrix(device, tensor, activations);
    }

    /** To be called by what a forward pass begins with. */
    private void workOnRows() {
        synchronized (device) {
            if (!repeating) {
                device.workOn(Work.PROMPTS);
            }
        }
    }

    @Override
    public void embed(WeightMatrix table, DeviceBuffer tokens, int rows, DeviceBuffer out) {
        workOnRows();
        CudaMatrix matrix = (CudaMatrix) table;
        Arguments arguments = new Arguments();
        matrix.describe(arguments);
        arguments.buffer(tokens, 4L * rows).buffer(out, 4L * rows * table.columns());
        device.launch(
                "embed_" + matrix.format(),
                ceilDiv(table.columns(), THREADS),
                rows,
                1,
                THREADS,
                arguments);
    }

    @Override
    public void rmsNorm(
            DeviceBuffer x, DeviceBuffer weight, float eps, int rows, int width, DeviceBuffer out) {
        normalize(x, weight, eps, rows, width, out, null);
    }

    @Override
    public void normalize(
            DeviceBuffer x,
            DeviceBuffer weight,
            float eps,
            int rows,
            boolean quantized,
            Activations out) {
        normalize(x, weight, eps, rows, out.width(), out.values(), quantized ? out : null);
    }

    private void normalize(
            DeviceBuffer x,
            DeviceBuffer weight,
            float eps,
            int rows,
            int width,
            DeviceBuffer out,
            Activations codes) {
        Arguments arguments =
                new Arguments()
                        .buffer(x, 4L * rows * width)
                        .buffer(weight, 4L * width)
                        .buffer(out, 4L * rows * width)
                        .codes(codes, rows)
                        .real(eps)
                        .integer(width);
        device.launch("rmsNorm", rows, 1, 1, 4 * WARP, arguments);
    }

    @Override
    public void quantize(Activations activations, int rows) {
        long values = (long) rows * activations.width();
        int blocks = Math.toIntExact(values / Activations.BLOCK);
        Arguments arguments =
                new Arguments()
                        .buffer(activations.values(), 4 * values)
                        .codes(activations, rows)
                        .integer(blocks);
        device.launch("quantize", ceilDiv(blocks, THREADS / WARP), 1, 1, THREADS, arguments);
    }

    @Override
    public void matmul(Activations in, int rows, WeightMatrix[] weights, DeviceBuffer[] outs) {
        matmul.multiply(in, rows, weights, outs, false);
    }

    @Override
    public void multiplyAndAdd(
            Activations in,
            int rows,
            WeightMatrix weights,
            DeviceBuffer sum,
            DeviceBuffer product) {
        matmul.multiply(in, rows, new WeightMatrix[] {weights}, new DeviceBuffer[] {sum}, true);
    }

    @Override
    public void updateTables(DeviceBuffer changes, DeviceBuffer entries) {
        workOnRows();
        Arguments arguments = new Arguments().buffer(changes, 4).buffer(entries, 0);
        int most = (int) ((changes.bytes() - Integer.BYTES) / CHANGE_BYTES);
        device.launch("updateTables", ceilDiv(most, THREADS), 1, 1, THREADS, arguments);
    }

    @Override
    public void rotate(
            CacheView view, DeviceBuffer table, int dimensions, int heads, DeviceBuffer x) {
        int headDim = view.page().headDim();
        Arguments arguments =
                new Arguments()
                        .buffer(view.rows(), 8L * view.numRows())
                        .buffer(table, 4L * view.endPosition() * dimensions)
                        .buffer(x, 4L * view.numRows() * heads * headDim)
                        .integer(dimensions)
                        .integer(heads)
                        .integer(headDim);
        device.launch("rotate", view.numRows(), heads, 1, WARP, arguments);
    }

    @Override
    public void ropeAndStore(
            CacheView view,
            int layer,
            AttentionParams attention,
            Rotation rotation,
            DeviceBuffer q,
            DeviceBuffer k,
            DeviceBuffer v) {
        int numHeads = attention.numHeads();
        long rowBytes = 4L * view.numRows() * view.page().headDim();
        long tableBytes = rotation.tableBytes(view.endPosition());
        Arguments arguments = new Arguments();
        CacheArguments.append(arguments, view, layer, numHeads);
        arguments
                .buffer(rotation.queries(), tableBytes)
                .buffer(rotation.keys(), tableBytes)
                .buffer(q, rowBytes * numHeads)
                .buffer(k, rowBytes * view.numKvHeads())
                .buffer(v, rowBytes * view.numKvHeads())
                .integer(rotation.dimensions());
        int heads = numHeads + view.numKvHeads();
        device.launch("ropeAndStore", view.numRows(), heads, 1, WARP, arguments);
    }

    @Override
    public void reserveAttention(
            int numHeads, int numKvHeads, int headDim, int maxRows, int positions) {
        synchronized (device) {
            attention.reserve(numHeads, numKvHeads, headDim, maxRows, positions);
        }
    }

    @Override
    public void attention(
            CacheView view, int layer, AttentionParams params, DeviceBuffer q, DeviceBuffer out) {
        synchronized (device) {
            attention.attend(view, layer, params, q, out, null);
        }
    }

    @Override
    public void attend(
            CacheView view,
            int layer,
            AttentionParams params,
            DeviceBuffer q,
            boolean quantized,
            Activations out) {
        // A warp has a block of 32 of one head, or there are no such blocks.
        boolean fused = quantized && view.page().headDim() % Activations.BLOCK == 0;
        synchronized (device) {
            attention.attend(view, layer, params, q, out.values(), fused ? out : null);
        }
        if (quantized && !fused) {
            quantize(out, view.numRows());
        }
    }

    @Override
    public boolean drawsTokens() {
        return true;
    }

    @Override
    public void draw(
            DeviceBuffer logits,
            int width,
            DeviceBuffer requests,
            DeviceBuffer seen,
            int count,
            DeviceBuffer scratch,
            DeviceBuffer out) {
        Arguments arguments =
                new Arguments()
                        .buffer(logits, 4L * width)
                        .buffer(scratch, 4L * count * width)
                        .buffer(requests, (long) DRAW_REQUEST_BYTES * count)
                        .buffer(seen, 0)
                        .buffer(out, (long) DRAWN_BYTES * count)
                        .integer(width);
        device.workOn(Work.SAMPLING);
        device.launch("sample", count, 1, 1, 2 * THREADS, arguments);
    }

    @Override
    public void repeat(Object key, Runnable operations) {
        synchronized (device) {
            repeating = true;
            try {
                device.workOn(Work.DECODING);
                graphs.run(key, attention::generation, operations);
            } finally {
                repeating = false;
            }
        }
    }

    @Override
    public void moveSlots(
            KvPageDescriptor page,
            DeviceBuffer pool,
            DeviceBuffer scores,
            DeviceBuffer moves,
            int count) {
        if (count == 0) {
            return;
        }
        Arguments arguments =
                new Arguments().buffer(pool, 0).buffer(scores, 0).buffer(moves, 16L * count);
        CacheArguments.append(arguments, page);
        device.workOn(Work.COMPACTION);
        device.launch("moveSlots", count, 1, 1, WARP, arguments);
    }

    @Override
    public void packSlots(
            KvPageDescriptor page,
            DeviceBuffer pool,
            DeviceBuffer slots,
            int count,
            DeviceBuffer out) {
        launchPacking("packSlots", page, pool, slots, count, out);
    }

    @Override
    public void unpackSlots(
            KvPageDescriptor page,
            DeviceBuffer packed,
            DeviceBuffer slots,
            int count,
            DeviceBuffer pool) {
        launchPacking("unpackSlots", page, pool, slots, count, packed);
    }

    private void launchPacking(
            String kernel,
            KvPageDescriptor page,
            DeviceBuffer pool,
            DeviceBuffer slots,
            int count,
            DeviceBuffer packed) {
        if (count == 0) {
            return;
        }
        Arguments arguments =
                new Arguments()
                        .buffer(pool, 0)
                        .buffer(slots, 8L * count)
                        .buffer(packed, (long) page.slotBytes() * count);
        CacheArguments.append(arguments, page);
        device.workOn(Work.OTHER);
        device.launch(kernel, count, 1, 1, WARP, arguments);
    }

    @Override
    public void gatedProduct(
            GateFunction function,
            DeviceBuffer gate,
            DeviceBuffer up,
            int count,
            DeviceBuffer out) {
        activate(function, gate, up, count, out, null, 0);
    }

    @Override
    public void activate(
            GateFunction function,
            DeviceBuffer gate,
            DeviceBuffer up,
            int rows,
            boolean quantized,
            Activations out) {
        int count = rows * out.width();
        activate(function, gate, up, count, out.values(), quantized ? out : null, rows);
    }

    private void activate(
            GateFunction function,
            DeviceBuffer gate,
            DeviceBuffer up,
            int count,
            DeviceBuffer out,
            Activations codes,
            int rows) {
        Arguments arguments =
                new Arguments()
                        .buffer(gate, 4L * count)
                        .buffer(up, 4L * count)
                        .buffer(out, 4L * count)
                        .codes(codes, rows)
                        .integer(count);
        String kernel =
                switch (function) {
                    case SILU -> "swiGlu";
                    case GELU_TANH -> "geGlu";
                };
        device.launch(kernel, ceilDiv(count, THREADS), 1, 1, THREADS, arguments);
    }

    @Override
    public void add(DeviceBuffer x, DeviceBuffer y, int count) {
        Arguments arguments =
                new Arguments().buffer(x, 4L * count).buffer(y, 4L * count).integer(count);
        device.launch("add", ceilDiv(count, THREADS), 1, 1, THREADS, arguments);
    }

    @Override
    public void addBias(DeviceBuffer x, DeviceBuffer bias, int rows, int width) {
        int count = rows * width;
        Arguments arguments =
                new Arguments()
                        .buffer(x, 4L * count)
                        .buffer(bias, 4L * width)
                        .integer(count)
                        .integer(width);
        device.launch("addBias", ceilDiv(count, THREADS), 1, 1, THREADS, arguments);
    }

    @Override
    public void scale(DeviceBuffer x, float factor, int count) {
        Arguments arguments = new Arguments().buffer(x, 4L * count).real(factor).integer(count);
        device.launch("scale", ceilDiv(count, THREADS), 1, 1, THREADS, arguments);
    }

    @Override
    public void softCap(DeviceBuffer x, float cap, int count) {
        Arguments arguments = new Arguments().buffer(x, 4L * count).real(cap).integer(count);
        device.launch("softCap", ceilDiv(count, THREADS), 1, 1, THREADS, arguments);
    }

    @Override
    public void gatherRows(
            DeviceBuffer x, DeviceBuffer indices, int count, int width, DeviceBuffer out) {
        Arguments arguments =
                new Arguments()
                        .buffer(x, 0)
                        .buffer(indices, 4L * count)
                        .buffer(out, 4L * count * width)
                        .integer(width);
        device.launch("gatherRows", ceilDiv(width, THREADS), count, 1, THREADS, arguments);
    }

    @Override
    public void argmax(DeviceBuffer x, int rows, int width, DeviceBuffer out) {
        Arguments arguments =
                new Arguments().buffer(x, 4L * rows * width).buffer(out, 4L * rows).integer(width);
        device.launch("argmax", rows, 1, 1, 2 * THREADS, arguments);
    }

    static int ceilDiv(int dividend, int divisor) {
        return (dividend + divisor - 1) / divisor;
    }

    @Override
    public void close() {
        synchronized (device) {
            owned.close();
        }
    }
}
