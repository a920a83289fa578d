// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.EmulatedCuda;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.tensor.Tensor;
import org.millrace.engine.tensor.TensorType;

/** Decoding is bound by memory: weights and kept slots are read once, as the emulator counts. */
class TrafficTest {
    private static final int SLOT_HEADER = 4;
    private static final int SCALES = 8;

    private static CudaKernels kernels;

    @BeforeAll
    static void open() {
        kernels = EmulatedCuda.open();
    }

    @AfterAll
    static void close() {
        if (kernels != null) {
            kernels.close();
        }
    }

    private static long bytesRead(DeviceBuffer buffer) {
        return EmulatedCuda.bytesRead(CudaBuffer.address(buffer, 0));
    }

    /** By all three kernels: for one row, for up to 8, on tensor cores. */
    @ParameterizedTest
    @CsvSource({
        "Q4_0,1", "Q4_0,8", "Q4_0,9", "Q4_0,32", "Q4_0,64", "Q4_1,32", "Q4_K,32", "Q6_K,1",
        "Q6_K,32", "Q8_0,8", "Q8_0,32"
    })
    void weightsAreReadOnceForAllRowsOfABatch(TensorType type, int rows) {
        int bytes = Math.toIntExact(80 * type.rowBytes(4096));
        Tensor tensor = new Tensor("zero", type, 80, 4096, ByteBuffer.allocate(bytes));
        try (CudaMatrix matrix = (CudaMatrix) kernels.pack(tensor, ActivationType.INT8);
                Activations in = Activations.allocate(kernels, rows, 4096);
                DeviceBuffer out = kernels.allocate(4L * rows * 80)) {
            kernels.quantize(in, rows);
            kernels.matmul(in, rows, new WeightMatrix[] {matrix}, new DeviceBuffer[] {out});
            long read = matrix.sections().mapToLong(TrafficTest::bytesRead).sum();
            assertThat(read).isEqualTo(matrix.bytes());
        }
    }

    /** One row of each sequence over a full cache, for all heads of a group. */
    @ParameterizedTest
    @CsvSource({"F32,1", "F16,1", "INT8,1", "INT8,8", "F16,32", "INT8,32"})
    void keptSlotsAreReadOnceForAGroupOfHeads(KvType type, int batch) {
        int slots = batch == 1 ? 1000 : 300;
        int groupSize = 4;
        KvPageDescriptor page = new KvPageDescriptor(type, 128);
        int pages = (slots + KvPageDescriptor.PAGE_SLOTS - 1) / KvPageDescriptor.PAGE_SLOTS;
        try (DeviceBuffer pool = kernels.allocate((long) batch * pages * page.pageBytes());
                DeviceBuffer scores =
                        kernels.allocate(4L * batch * pages * KvPageDescriptor.PAGE_SLOTS);
                DeviceBuffer rows = ints(2 * batch, i -> i % 2 == 0 ? i / 2 : slots - 1);
                DeviceBuffer sequences = ints(2 * batch, i -> i % 2 == 0 ? i / 2 : 1);
                DeviceBuffer heads =
                        ints(4 * batch, i -> new int[] {i / 4 * pages, pages, 0, 0}[i % 4]);
                DeviceBuffer entries =
                        ints(
                                2 * batch * pages,
                                i -> i % 2 == 0 ? i / 2 : live(i / 2 % pages, slots));
                DeviceBuffer faults = kernels.allocate(4L * batch);
                DeviceBuffer sinks = AttentionParams.noSinks(kernels, groupSize);
                DeviceBuffer q = kernels.allocate(4L * batch * groupSize * 128);
                DeviceBuffer out = kernels.allocate(4L * batch * groupSize * 128)) {
            fill(page, pool, pages);
            CacheView view =
                    new CacheView(
                            page, pool, batch, batch, 1, slots, rows, sequences, heads, entries,
                            null, faults, scores, false, null);
            AttentionParams params = AttentionParams.plain(groupSize, 128, sinks);
            kernels.attention(view, 0, params, q, out);
            int slotBytes =
                    SLOT_HEADER + (page.hasScales() ? SCALES : 0) + 2 * 128 * page.elementBytes();
            long kept = (long) batch * slots * slotBytes;
            assertThat((double) bytesRead(pool) / kept).isBetween(1.0, 1.05);
        }
    }

    private static int live(int page, int slots) {
        int left = slots - page * KvPageDescriptor.PAGE_SLOTS;
        return left >= KvPageDescriptor.PAGE_SLOTS ? -1 : (1 << left) - 1;
    }

    /** Positions of sequences that have so many pages each. */
    private static void fill(KvPageDescriptor page, DeviceBuffer pool, int pages) {
        ByteBuffer bytes = ByteBuffer.allocate((int) pool.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int number = 0; number < pool.bytes() / page.pageBytes(); number++) {
            for (int slot = 0; slot < KvPageDescriptor.PAGE_SLOTS; slot++) {
                int position = number % pages * KvPageDescriptor.PAGE_SLOTS + slot;
                bytes.putInt(number * page.pageBytes() + page.positionOffset(slot), position);
            }
        }
        pool.write(0, bytes);
    }

    private static DeviceBuffer ints(int count, IntUnaryOperator value) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        IntStream.range(0, count).forEach(i -> bytes.putInt(4 * i, value.applyAsInt(i)));
        DeviceBuffer buffer = kernels.allocate(4L * count);
        buffer.write(0, bytes);
        return buffer;
    }
}
