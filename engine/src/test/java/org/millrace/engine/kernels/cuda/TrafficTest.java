package org.millrace.engine.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.Activations;
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

    @ParameterizedTest
    @ValueSource(ints = {1, 8})
    void weightsAreReadOnceForUpToEightRows(int rows) {
        Tensor tensor =
                new Tensor("zero", TensorType.Q4_0, 64, 4096, ByteBuffer.allocate(64 * 128 * 18));
        try (CudaMatrix matrix = (CudaMatrix) kernels.pack(tensor, ActivationType.INT8);
                Activations in = Activations.allocate(kernels, rows, 4096);
                DeviceBuffer out = kernels.allocate(4L * rows * 64)) {
            kernels.quantize(in, rows);
            kernels.matmul(in, rows, new WeightMatrix[] {matrix}, new DeviceBuffer[] {out});
            long read = matrix.sections().mapToLong(TrafficTest::bytesRead).sum();
            assertThat(read).isEqualTo(matrix.bytes());
        }
    }

    /** One row over a full cache of a thousand positions, for all heads of a group. */
    @ParameterizedTest
    @EnumSource(KvType.class)
    void keptSlotsAreReadOnceForAGroupOfHeads(KvType type) {
        int slots = 1000;
        int groupSize = 4;
        KvPageDescriptor page = new KvPageDescriptor(type, 128);
        int pages = (slots + KvPageDescriptor.PAGE_SLOTS - 1) / KvPageDescriptor.PAGE_SLOTS;
        try (DeviceBuffer pool = kernels.allocate((long) pages * page.pageBytes());
                DeviceBuffer scores = kernels.allocate(4L * pages * KvPageDescriptor.PAGE_SLOTS);
                DeviceBuffer rows = ints(2, i -> i * (slots - 1));
                DeviceBuffer sequences = ints(2, i -> i);
                DeviceBuffer heads = ints(4, i -> i == 1 ? pages : 0);
                DeviceBuffer entries = ints(2 * pages, i -> i % 2 == 0 ? i / 2 : live(i / 2));
                DeviceBuffer faults = kernels.allocate(4);
                DeviceBuffer q = kernels.allocate(4L * groupSize * 128);
                DeviceBuffer out = kernels.allocate(4L * groupSize * 128)) {
            fill(page, pool, slots);
            CacheView view =
                    new CacheView(
                            page, pool, 1, 1, 1, slots, rows, sequences, heads, entries, faults,
                            scores, false, null);
            kernels.attention(view, 0, groupSize, q, out);
            int slotBytes =
                    SLOT_HEADER + (page.hasScales() ? SCALES : 0) + 2 * 128 * page.elementBytes();
            assertThat((double) bytesRead(pool) / ((long) slots * slotBytes)).isBetween(1.0, 1.05);
        }
    }

    private static int live(int page) {
        int left = 1000 - page * KvPageDescriptor.PAGE_SLOTS;
        return left >= KvPageDescriptor.PAGE_SLOTS ? -1 : (1 << left) - 1;
    }

    private static void fill(KvPageDescriptor page, DeviceBuffer pool, int slots) {
        ByteBuffer bytes = ByteBuffer.allocate((int) pool.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int slot = 0; slot < slots; slot++) {
            int at = slot / KvPageDescriptor.PAGE_SLOTS * page.pageBytes();
            bytes.putInt(at + page.positionOffset(slot % KvPageDescriptor.PAGE_SLOTS), slot);
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
