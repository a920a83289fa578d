package org.millrace.engine.kernels;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.tensor.Tensor;
import org.millrace.engine.tensor.TensorType;

/**
 * Compares a provider with the Java reference, bit by bit, on random inputs: for machines whose
 * hardware no test of the project has seen. Not thread safe.
 */
public final class KernelCheck {
    /**
     * @param difference the first one, empty if there is none
     */
    public record Result(String kernel, String shape, String difference) {
        public boolean equal() {
            return difference.isEmpty();
        }
    }

    /** An operation on a provider; returns its output as 32-bit words. */
    @FunctionalInterface
    private interface Operation {
        int[] run(KernelProvider kernels);
    }

    private static final List<TensorType> TYPES =
            List.of(TensorType.Q8_0, TensorType.Q4_0, TensorType.Q4_K, TensorType.Q6_K);

    private final KernelProvider tested;
    private final KernelProvider reference;
    private final Random random;
    private final List<Result> results = new ArrayList<>();

    private KernelCheck(KernelProvider tested, KernelProvider reference, long seed) {
        this.tested = tested;
        this.reference = reference;
        this.random = new Random(seed);
    }

    /** Runs all operations on random shapes. */
    public static List<Result> run(KernelProvider tested, long seed) {
        try (KernelProvider reference = KernelProviders.lookup("reference", 1)) {
            KernelCheck check = new KernelCheck(tested, reference, seed);
            for (TensorType type : TYPES) {
                check.product(type, ActivationType.INT8, 1);
                check.product(type, ActivationType.INT8, 2 + check.random.nextInt(15));
                check.product(type, ActivationType.F32, 1 + check.random.nextInt(4));
            }
            check.product(TensorType.F32, ActivationType.F32, 3);
            check.rows();
            for (KvType type : KvType.values()) {
                check.attention(type, 64, 3);
                check.attention(type, 128, 4);
            }
            return List.copyOf(check.results);
        }
    }

    private void compare(String kernel, String shape, Operation operation) {
        int[] expected = operation.run(reference);
        int[] actual = operation.run(tested);
        String difference = "";
        for (int i = 0; i < expected.length && difference.isEmpty(); i++) {
            if (expected[i] != actual[i]) {
                difference =
                        String.format(
                                "index=%d, expected=%08x, actual=%08x", i, expected[i], actual[i]);
            }
        }
        results.add(new Result(kernel, shape, difference));
    }

    private void product(TensorType type, ActivationType activations, int batch) {
        int columns = 256 * (1 + random.nextInt(9));
        int rows = 1 + random.nextInt(100);
        Tensor tensor = randomTensor(type, rows, columns);
        ByteBuffer x = randomFloats(batch * columns);
        String shape = type + " " + rows + "x" + columns + " batch=" + batch;
        compare(
                activations == ActivationType.INT8 ? "matmul" : "floatMatmul",
                shape,
                kernels -> {
                    try (WeightMatrix matrix = kernels.pack(tensor, activations);
                            Activations in = Activations.allocate(kernels, batch, columns);
                            DeviceBuffer out = kernels.allocate(4L * batch * rows)) {
                        in.values().write(0, x.duplicate());
                        if (matrix.usesCodes()) {
                            kernels.quantize(in, batch);
                        }
                        WeightMatrix[] matrices = {matrix};
                        kernels.matmul(in, batch, matrices, new DeviceBuffer[] {out});
                        return read(out);
                    }
                });
    }

    private void rows() {
        int rows = 1 + random.nextInt(20);
        int width = 32 * (1 + random.nextInt(60));
        ByteBuffer x = randomFloats(rows * width);
        ByteBuffer y = randomFloats(rows * width);
        ByteBuffer indices = ints(rows, row -> random.nextInt(rows));
        String shape = rows + "x" + width;
        compare("add", shape, k -> rows(k, x, y, (a, b, out) -> k.add(out, b, rows * width)));
        compare(
                "swiGlu",
                shape,
                k -> rows(k, x, y, (a, b, out) -> k.swiGlu(a, b, rows * width, out)));
        compare(
                "rmsNorm",
                shape,
                k -> rows(k, x, y, (a, b, out) -> k.rmsNorm(a, b, 1e-5f, rows, width, out)));
        compare("argmax", shape, k -> rows(k, x, y, (a, b, out) -> k.argmax(a, rows, width, out)));
        compare(
                "gatherRows",
                shape,
                k -> rows(k, x, indices, (a, b, out) -> k.gatherRows(a, b, rows, width, out)));
    }

    @FunctionalInterface
    private interface RowsOperation {
        void run(DeviceBuffer x, DeviceBuffer y, DeviceBuffer out);
    }

    private static int[] rows(
            KernelProvider kernels, ByteBuffer x, ByteBuffer y, RowsOperation operation) {
        try (DeviceBuffer a = upload(kernels, x);
                DeviceBuffer b = upload(kernels, y);
                DeviceBuffer out = kernels.allocate(x.capacity())) {
            operation.run(a, b, out);
            return read(out);
        }
    }

    /** A prompt of some hundred rows through an empty cache: rope, store and attention. */
    private void attention(KvType type, int headDim, int groupSize) {
        int rows = 257 + random.nextInt(60);
        KvPageDescriptor page = new KvPageDescriptor(type, headDim);
        ByteBuffer q = randomFloats(rows * groupSize * headDim);
        ByteBuffer k = randomFloats(rows * headDim);
        ByteBuffer v = randomFloats(rows * headDim);
        ByteBuffer rope = randomFloats(rows * headDim);
        String shape = type + " headDim=" + headDim + " groupSize=" + groupSize + " rows=" + rows;
        compare(
                "attention",
                shape,
                kernels -> {
                    int pages =
                            (rows + KvPageDescriptor.PAGE_SLOTS - 1) / KvPageDescriptor.PAGE_SLOTS;
                    try (DeviceBuffer pool = kernels.allocate((long) pages * page.pageBytes());
                            DeviceBuffer scores =
                                    kernels.allocate(4L * pages * KvPageDescriptor.PAGE_SLOTS);
                            DeviceBuffer rowTable =
                                    upload(kernels, ints(2 * rows, i -> i % 2 * (i / 2)));
                            DeviceBuffer sequences = upload(kernels, ints(2, i -> i * rows));
                            DeviceBuffer heads = upload(kernels, ints(4, i -> i == 1 ? pages : 0));
                            DeviceBuffer entries =
                                    upload(kernels, ints(2 * pages, i -> entry(i, pages, rows)));
                            DeviceBuffer faults = kernels.allocate(4L * rows);
                            DeviceBuffer qs = upload(kernels, q);
                            DeviceBuffer ks = upload(kernels, k);
                            DeviceBuffer vs = upload(kernels, v);
                            DeviceBuffer ropes = upload(kernels, rope);
                            DeviceBuffer out = kernels.allocate(q.capacity())) {
                        CacheView view =
                                new CacheView(
                                        page, pool, rows, 1, 1, rows, rowTable, sequences, heads,
                                        entries, faults, scores, false, null);
                        kernels.ropeAndStore(view, 0, groupSize, ropes, qs, ks, vs);
                        kernels.attention(view, 0, groupSize, qs, out);
                        return read(out);
                    }
                });
    }

    /** Page table of a full cache whose pages lie backwards: page number, live mask. */
    private static int entry(int i, int pages, int rows) {
        int page = i / 2;
        if (i % 2 == 0) {
            return pages - 1 - page;
        }
        int left = rows - page * KvPageDescriptor.PAGE_SLOTS;
        return left >= KvPageDescriptor.PAGE_SLOTS ? -1 : (1 << left) - 1;
    }

    private Tensor randomTensor(TensorType type, int rows, int columns) {
        int bytes = Math.toIntExact(rows * type.rowBytes(columns));
        if (type == TensorType.F32) {
            return new Tensor("random", type, rows, columns, randomFloats(rows * columns));
        }
        ByteBuffer data = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        random.nextBytes(data.array());
        // Half floats inside random bytes: one exponent bit cleared, so that none is infinite.
        int scale = type == TensorType.Q6_K ? type.blockBytes() - 2 : 0;
        for (int block = 0; block < bytes; block += type.blockBytes()) {
            data.put(block + scale + 1, (byte) (data.get(block + scale + 1) & 0xBF));
            if (type == TensorType.Q4_K) {
                data.put(block + 3, (byte) (data.get(block + 3) & 0xBF));
            }
        }
        return new Tensor("random", type, rows, columns, data);
    }

    private ByteBuffer randomFloats(int count) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            bytes.putFloat(4 * i, (float) random.nextGaussian());
        }
        return bytes;
    }

    private static ByteBuffer ints(int count, IntUnaryOperator value) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            bytes.putInt(4 * i, value.applyAsInt(i));
        }
        return bytes;
    }

    private static DeviceBuffer upload(KernelProvider kernels, ByteBuffer bytes) {
        DeviceBuffer buffer = kernels.allocate(bytes.capacity());
        buffer.write(0, bytes.duplicate());
        return buffer;
    }

    private static int[] read(DeviceBuffer buffer) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Math.toIntExact(buffer.bytes())).order(ByteOrder.LITTLE_ENDIAN);
        buffer.read(0, bytes);
        int[] words = new int[bytes.capacity() / 4];
        bytes.flip().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(words);
        return words;
    }
}
