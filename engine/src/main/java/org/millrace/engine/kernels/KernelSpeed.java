// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.tensor.Tensor;
import org.millrace.engine.tensor.TensorType;

/** Times the kernels that bind generation on a GPU, for a comparison with the card's limits. */
public final class KernelSpeed {
    private static final int PAGE_SLOTS = KvPageDescriptor.PAGE_SLOTS;
    private static final int HEAD_DIM = 128;
    private static final int KV_HEADS = 8;
    private static final int GROUP_SIZE = 4;
    private static final int SEQUENCES = 32;

    /**
     * One of them.
     *
     * @param seconds of one run
     * @param bytes that it must read: weights, or kept slots
     * @param operations in the product, 0 for attention
     */
    public record Result(
            String kernel, String shape, double seconds, long bytes, long operations) {}

    private final KernelProvider kernels;
    private final int repeats;
    private final List<Result> results = new ArrayList<>();

    private KernelSpeed(KernelProvider kernels, int repeats) {
        this.kernels = kernels;
        this.repeats = repeats;
    }

    /**
     * @param kernels of a device, see {@link KernelProvider#usage}
     * @param size columns of the matrices, a multiple of 256; positions of the sequences are half
     *     of it
     */
    public static List<Result> run(KernelProvider kernels, int size, int repeats) {
        KernelSpeed speed = new KernelSpeed(kernels, repeats);
        for (int batch : new int[] {1, 8, 32, 256}) {
            speed.product(TensorType.Q4_0, 8 * size, size, batch);
        }
        speed.product(TensorType.Q8_0, 8 * size, size, 1);
        speed.attention(KvType.F16, size / 2);
        speed.attention(KvType.INT8, size / 2);
        return List.copyOf(speed.results);
    }

    private void product(TensorType type, int rows, int columns, int batch) {
        int bytes = Math.toIntExact(rows * type.rowBytes(columns));
        Tensor tensor = new Tensor("zero", type, rows, columns, ByteBuffer.allocate(bytes));
        try (WeightMatrix matrix = kernels.pack(tensor, ActivationType.INT8);
                Activations in = Activations.allocate(kernels, batch, columns);
                DeviceBuffer out = kernels.allocate(4L * batch * rows)) {
            kernels.quantize(in, batch);
            WeightMatrix[] matrices = {matrix};
            DeviceBuffer[] outs = {out};
            double seconds = time(out, () -> kernels.matmul(in, batch, matrices, outs));
            String shape = type + " " + rows + "x" + columns + " batch=" + batch;
            long operations = 2L * rows * columns * batch;
            results.add(new Result("matmul", shape, seconds, matrix.bytes(), operations));
        }
    }

    private void attention(KvType type, int positions) {
        KvPageDescriptor page = new KvPageDescriptor(type, HEAD_DIM);
        int pagesPerHead = positions / PAGE_SLOTS;
        int heads = SEQUENCES * KV_HEADS;
        int pages = heads * pagesPerHead;
        int queryBytes = 4 * SEQUENCES * KV_HEADS * GROUP_SIZE * HEAD_DIM;
        try (DeviceBuffer pool = positionedPool(page, pages, pagesPerHead);
                DeviceBuffer scores = kernels.allocate(4L * pages * PAGE_SLOTS);
                DeviceBuffer rows = ints(2 * SEQUENCES, i -> i % 2 == 0 ? i / 2 : positions - 1);
                DeviceBuffer sequences = ints(2 * SEQUENCES, i -> i % 2 == 0 ? i / 2 : 1);
                DeviceBuffer table = ints(4 * heads, i -> headEntry(i, pagesPerHead));
                DeviceBuffer entries = ints(2 * pages, i -> i % 2 == 0 ? i / 2 : -1);
                DeviceBuffer faults = kernels.allocate(4L * SEQUENCES);
                DeviceBuffer sinks = AttentionParams.noSinks(kernels, KV_HEADS * GROUP_SIZE);
                DeviceBuffer q = kernels.allocate(queryBytes);
                DeviceBuffer out = kernels.allocate(queryBytes)) {
            CacheView view =
                    new CacheView(
                            page, pool, SEQUENCES, SEQUENCES, KV_HEADS, positions, rows, sequences,
                            table, entries, null, faults, scores, false, null);
            int numHeads = KV_HEADS * GROUP_SIZE;
            AttentionParams params = AttentionParams.plain(numHeads, HEAD_DIM, sinks);
            double seconds = time(out, () -> kernels.attention(view, 0, params, q, out));

            String shape =
                    String.format(
                            "%s sequences=%d kvHeads=%d groupSize=%d headDim=%d positions=%d",
                            type, SEQUENCES, KV_HEADS, GROUP_SIZE, HEAD_DIM, positions);
            results.add(
                    new Result("attention", shape, seconds, (long) pages * page.pageBytes(), 0));
        }
    }

    private static int headEntry(int i, int pagesPerHead) {
        return switch (i % 4) {
            case 0 -> i / 4 * pagesPerHead;
            case 1 -> pagesPerHead;
            case 2 -> pagesPerHead * PAGE_SLOTS - 1;
            default -> CacheView.SCORE_NONE;
        };
    }

    /** Zeros, but for the slots' positions. */
    private DeviceBuffer positionedPool(KvPageDescriptor page, int pages, int pagesPerHead) {
        DeviceBuffer pool = kernels.allocate((long) pages * page.pageBytes());
        ByteBuffer bytes = ByteBuffer.allocate(4 * PAGE_SLOTS).order(ByteOrder.LITTLE_ENDIAN);
        for (int number = 0; number < pages; number++) {
            bytes.clear();
            for (int slot = 0; slot < PAGE_SLOTS; slot++) {
                bytes.putInt(number % pagesPerHead * PAGE_SLOTS + slot);
            }
            pool.write((long) number * page.pageBytes() + page.positionOffset(0), bytes.flip());
        }
        return pool;
    }

    private DeviceBuffer ints(int count, IntUnaryOperator value) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            bytes.putInt(4 * i, value.applyAsInt(i));
        }
        DeviceBuffer buffer = kernels.allocate(4L * count);
        buffer.write(0, bytes);
        return buffer;
    }

    /** Seconds of one run on the device's own clock, after one that is not counted. */
    private double time(DeviceBuffer out, Runnable operation) {
        operation.run();
        waitFor(out);
        long before = kernels.usage().busyNanos();
        for (int i = 0; i < repeats; i++) {
            operation.run();
        }
        waitFor(out);
        return (kernels.usage().busyNanos() - before) / 1e9 / repeats;
    }

    private static void waitFor(DeviceBuffer out) {
        out.read(0, ByteBuffer.allocate(4));
    }
}
