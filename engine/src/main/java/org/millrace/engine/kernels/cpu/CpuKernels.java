// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cpu;

import static org.millrace.engine.kernels.cpu.CpuBuffer.address;

import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.GateFunction;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Rotation;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.Profile;
import org.millrace.engine.kvcache.ProfiledTurn;
import org.millrace.engine.tensor.Tensor;

/**
 * C++ kernels for x86-64 with AVX2 or AVX-512 ({@code src/main/native}). Sizes are checked here, on
 * every call; the native side trusts them. One compute pool serves the whole process.
 */
public final class CpuKernels implements KernelProvider {
    /** Instruction sets, in the order of {@link CpuNative#supportedLevel()}. */
    private enum Level {
        NONE,
        AVX2,
        AVX512;

        private String providerName() {
            return "cpu-" + name().toLowerCase(Locale.ROOT);
        }
    }

    private static final int MAX_MATRICES = 4;

    private final String name;
    private final IdleMemory idle = new IdleMemory();

    private CpuKernels(String name) {
        this.name = name;
    }

    /** Why these kernels cannot run here; null if they can. */
    public static String unavailableReason() {
        if (NativeLoader.failure() != null) {
            return NativeLoader.failure();
        }
        return CpuNative.supportedLevel() == Level.NONE.ordinal()
                ? "the processor lacks AVX2, FMA or F16C"
                : null;
    }

    /**
     * Names of the providers that can run here, one for each instruction set, the best first: of
     * {@code cpu-avx512} and {@code cpu-avx2}.
     */
    public static List<String> available() {
        if (unavailableReason() != null) {
            return List.of();
        }
        return IntStream.iterate(CpuNative.supportedLevel(), level -> level > 0, level -> level - 1)
                .mapToObj(level -> Level.values()[level].providerName())
                .toList();
    }

    /**
     * The kernels of one instruction set. Process-wide, as the pool is: the newest call decides for
     * all.
     *
     * @param provider {@code cpu} for the best there is, or one of {@link #available()}
     * @param threads of the process-wide compute pool, the calling thread included
     * @throws UnsupportedOperationException if they cannot run here
     */
    public static CpuKernels create(String provider, int threads) {
        String reason = unavailableReason();
        if (reason == null && !provider.equals("cpu") && !available().contains(provider)) {
            reason = "the processor has only " + available();
        }
        if (reason != null) {
            throw new UnsupportedOperationException(
                    "kernel provider " + provider + " is not available: " + reason);
        }
        String name = provider.equals("cpu") ? available().get(0) : provider;
        int level = CpuNative.supportedLevel() - available().indexOf(name);
        CpuNative.start(level, threads);
        return new CpuKernels(name);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public DeviceBuffer allocate(long bytes) {
        return new CpuBuffer(bytes);
    }

    @Override
    public DeviceBuffer allocateUninitialized(long bytes) {
        return idle.allocate(bytes);
    }

    @Override
    public WeightMatrix pack(Tensor tensor, ActivationType activations) {
        return new CpuMatrix(tensor, activations);
    }

    @Override
    public void embed(WeightMatrix table, DeviceBuffer tokens, int rows, DeviceBuffer out) {
        CpuNative.embed(
                ((CpuMatrix) table).header(),
                address(tokens, 4L * rows),
                rows,
                address(out, 4L * rows * table.columns()));
    }

    @Override
    public void rmsNorm(
            DeviceBuffer x, DeviceBuffer weight, float eps, int rows, int width, DeviceBuffer out) {
        CpuNative.rmsNorm(
                address(x, 4L * rows * width),
                address(weight, 4L * width),
                eps,
                rows,
                width,
                address(out, 4L * rows * width));
    }

    @Override
    public void quantize(Activations activations, int rows) {
        int width = activations.width();
        long blocks = (long) rows * width / Activations.BLOCK;
        CpuNative.quantize(
                address(activations.values(), 4L * rows * width),
                rows,
                width,
                address(activations.codes(), (long) rows * width),
                address(activations.scales(), 4 * blocks),
                address(activations.sums(), 4 * blocks));
    }

    @Override
    public void matmul(Activations in, int rows, WeightMatrix[] weights, DeviceBuffer[] outs) {
        if (weights.length < 1 || weights.length > MAX_MATRICES) {
            throw new IllegalArgumentException(
                    "matrices=" + weights.length + ", must be in [1, " + MAX_MATRICES + "]");
        }
        long[] headers = new long[MAX_MATRICES];
        long[] results = new long[MAX_MATRICES];
        for (int i = 0; i < weights.length; i++) {
            if (weights[i].columns() != in.width()) {
                throw new IllegalArgumentException(
                        "columns=" + weights[i].columns() + ", width of the input=" + in.width());
            }
            headers[i] = ((CpuMatrix) weights[i]).header();
            results[i] = address(outs[i], 4L * rows * weights[i].rows());
        }
        boolean hasCodes = in.codes() != null;
        long blocks = (long) rows * in.width() / Activations.BLOCK;
        CpuNative.matmul(
                address(in.values(), 4L * rows * in.width()),
                hasCodes ? address(in.codes(), (long) rows * in.width()) : 0,
                hasCodes ? address(in.scales(), 4 * blocks) : 0,
                hasCodes ? address(in.sums(), 4 * blocks) : 0,
                rows,
                weights.length,
                headers[0],
                results[0],
                headers[1],
                results[1],
                headers[2],
                results[2],
                headers[3],
                results[3]);
    }

    @Override
    public void rotate(
            CacheView view, DeviceBuffer table, int dimensions, int heads, DeviceBuffer x) {
        int headDim = view.page().headDim();
        CpuNative.rotate(
                address(view.rows(), 8L * view.numRows()),
                view.numRows(),
                address(table, 4L * view.endPosition() * dimensions),
                dimensions,
                headDim,
                heads,
                address(x, 4L * view.numRows() * heads * headDim));
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
        long rowBytes = 4L * view.numRows() * view.page().headDim();
        long tableBytes = rotation.tableBytes(view.endPosition());
        CpuNative.ropeAndStore(
                cacheArgs(view, layer, attention.numHeads()),
                address(rotation.queries(), tableBytes),
                address(rotation.keys(), tableBytes),
                rotation.dimensions(),
                address(q, rowBytes * attention.numHeads()),
                address(k, rowBytes * view.numKvHeads()),
                address(v, rowBytes * view.numKvHeads()));
    }

    @Override
    public void attention(
            CacheView view,
            int layer,
            AttentionParams attention,
            DeviceBuffer q,
            DeviceBuffer out) {
        int numHeads = attention.numHeads();
        long bytes = 4L * view.numRows() * view.page().headDim() * numHeads;
        Profile profile = view.profile();
        long turnBytes = (long) view.numSequences() * ProfiledTurn.INTS * Integer.BYTES;
        CpuNative.attention(
                cacheArgs(view, layer, numHeads),
                layer,
                attention.scale(),
                attention.window(),
                attention.softCap(),
                address(attention.sinks(), 4L * numHeads),
                profile == null ? 0 : address(profile.sequences(), turnBytes),
                profile == null ? 0 : address(profile.statistics(), 0),
                profile == null ? 0 : profile.statistics().bytes() / Long.BYTES,
                address(q, bytes),
                address(out, bytes));
    }

    @Override
    public void moveSlots(
            KvPageDescriptor page,
            DeviceBuffer pool,
            DeviceBuffer scores,
            DeviceBuffer moves,
            int count) {
        CpuNative.moveSlots(
                pageArgs(page).toArray(),
                address(pool, 0),
                address(scores, 0),
                address(moves, 16L * count),
                count);
    }

    @Override
    public void packSlots(
            KvPageDescriptor page,
            DeviceBuffer pool,
            DeviceBuffer slots,
            int count,
            DeviceBuffer out) {
        CpuNative.packSlots(
                pageArgs(page).toArray(),
                address(pool, 0),
                address(slots, 8L * count),
                count,
                address(out, (long) page.slotBytes() * count),
                page.slotBytes());
    }

    @Override
    public void unpackSlots(
            KvPageDescriptor page,
            DeviceBuffer packed,
            DeviceBuffer slots,
            int count,
            DeviceBuffer pool) {
        CpuNative.unpackSlots(
                pageArgs(page).toArray(),
                address(packed, (long) page.slotBytes() * count),
                page.slotBytes(),
                address(slots, 8L * count),
                count,
                address(pool, 0));
    }

    /** In the order of {@code cacheArgs} in jni.cpp. */
    private static long[] cacheArgs(CacheView view, int layer, int numHeads) {
        long heads = (long) view.numSequences() * view.numKvHeads() * 4 * Integer.BYTES;
        LongStream addresses =
                LongStream.of(
                        address(view.pool(), 0),
                        address(view.rows(), 8L * view.numRows()),
                        address(view.sequences(), 8L * view.numSequences()),
                        address(view.heads(), (layer + 1) * heads) + layer * heads,
                        address(view.entries(), 0),
                        address(view.faults(), 4L * view.numRows()),
                        address(view.scores(), 0));
        LongStream counts =
                LongStream.of(view.numRows(), view.numSequences(), view.numKvHeads(), numHeads);
        return LongStream.concat(pageArgs(view.page()), LongStream.concat(addresses, counts))
                .toArray();
    }

    /** In the order of {@code pageLayout} in jni.cpp. */
    private static LongStream pageArgs(KvPageDescriptor page) {
        boolean scaled = page.hasScales();
        return LongStream.of(
                page.type().ordinal(),
                page.headDim(),
                page.keyDim(),
                page.positionOffset(0),
                scaled ? page.keyScaleOffset(0) : 0,
                scaled ? page.valueScaleOffset(0) : 0,
                page.keyOffset(0, 0),
                page.valueOffset(0, 0),
                page.pageBytes());
    }

    @Override
    public void gatedProduct(
            GateFunction function,
            DeviceBuffer gate,
            DeviceBuffer up,
            int count,
            DeviceBuffer out) {
        long bytes = 4L * count;
        CpuNative.gatedProduct(
                function.ordinal(),
                address(gate, bytes),
                address(up, bytes),
                count,
                address(out, bytes));
    }

    @Override
    public void add(DeviceBuffer x, DeviceBuffer y, int count) {
        CpuNative.add(address(x, 4L * count), address(y, 4L * count), count);
    }

    @Override
    public void addBias(DeviceBuffer x, DeviceBuffer bias, int rows, int width) {
        CpuNative.addBias(address(x, 4L * rows * width), address(bias, 4L * width), rows, width);
    }

    @Override
    public void scale(DeviceBuffer x, float factor, int count) {
        CpuNative.scale(address(x, 4L * count), factor, count);
    }

    @Override
    public void softCap(DeviceBuffer x, float cap, int count) {
        CpuNative.softCap(address(x, 4L * count), cap, count);
    }

    @Override
    public void gatherRows(
            DeviceBuffer x, DeviceBuffer indices, int count, int width, DeviceBuffer out) {
        CpuNative.gatherRows(
                address(x, 0),
                (int) Math.min(Integer.MAX_VALUE, x.bytes() / (4L * width)),
                address(indices, 4L * count),
                count,
                width,
                address(out, 4L * count * width));
    }

    @Override
    public void argmax(DeviceBuffer x, int rows, int width, DeviceBuffer out) {
        CpuNative.argmax(address(x, 4L * rows * width), rows, width, address(out, 4L * rows));
    }

    /** Frees idle memory; the compute pool and the library stay for the process. */
    @Override
    public void close() {
        idle.close();
    }
}
