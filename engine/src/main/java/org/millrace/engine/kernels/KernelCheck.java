// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import static org.millrace.engine.kernels.GateFunction.GELU_TANH;
import static org.millrace.engine.kernels.GateFunction.SILU;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
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

    /** Rows of a prompt's chunk; no multiple of what kernels take at once. */
    private static final int CHUNK = 61;

    /** Blocks of these begin with a scale and a minimum, those of others with a scale alone. */
    private static final Set<TensorType> HAVE_MINS =
            Set.of(TensorType.Q4_1, TensorType.Q5_1, TensorType.Q4_K, TensorType.Q5_K);

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
            for (TensorType type : TensorType.values()) {
                check.products(type);
                check.embedding(type);
            }
            check.rows();
            check.codes();
            check.tables();
            for (KvType type : KvType.values()) {
                check.attention(type, 64, 3);
                check.attention(type, 128, 4);
                check.statisticsScoresAndMoves(type);
            }
            return List.copyOf(check.results);
        }
    }

    private void compare(String kernel, String shape, Operation operation) {
        compare(kernel, shape, operation.run(reference), operation.run(tested));
    }

    private void compare(String kernel, String shape, int[] expected, int[] actual) {
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

    /** One row, a few, and more than tensor cores take at once. */
    private void products(TensorType type) {
        if (!type.isFloat()) {
            product(type, ActivationType.INT8, 1);
            product(type, ActivationType.INT8, 2 + random.nextInt(7));
            product(type, ActivationType.INT8, 9 + random.nextInt(60));
        }
        product(type, ActivationType.F32, 1 + random.nextInt(4));
    }

    private void product(TensorType type, ActivationType activations, int batch) {
        int columns = 256 * (1 + random.nextInt(6));
        int rows = 1 + random.nextInt(64);
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

    private void embedding(TensorType type) {
        int columns = 256 * (1 + random.nextInt(3));
        Tensor tensor = randomTensor(type, 50, columns);
        ByteBuffer tokens = ints(9, i -> random.nextInt(50));
        compare(
                "embed",
                type + " 50x" + columns,
                kernels -> {
                    try (WeightMatrix table = kernels.pack(tensor, ActivationType.INT8);
                            DeviceBuffer ids = upload(kernels, tokens);
                            DeviceBuffer out = kernels.allocate(4L * 9 * columns)) {
                        kernels.embed(table, ids, 9, out);
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
                k -> rows(k, x, y, (a, b, out) -> k.gatedProduct(SILU, a, b, rows * width, out)));
        compare(
                "geGlu",
                shape,
                k -> rows(k, x, y, (a, b, o) -> k.gatedProduct(GELU_TANH, a, b, rows * width, o)));
        compare(
                "softCap",
                shape,
                k -> rows(k, x, y, (a, b, out) -> k.softCap(inOut(a, out), 1.5f, rows * width)));
        compare(
                "rmsNorm",
                shape,
                k -> rows(k, x, y, (a, b, out) -> k.rmsNorm(a, b, 1e-5f, rows, width, out)));
        compare("argmax", shape, k -> rows(k, x, y, (a, b, out) -> k.argmax(a, rows, width, out)));
        ByteBuffer bias = randomFloats(width);
        compare(
                "addBias",
                shape,
                k -> rows(k, x, bias, (a, b, out) -> k.addBias(inOut(a, out), b, rows, width)));
        compare(
                "scale",
                shape,
                k -> rows(k, x, y, (a, b, out) -> k.scale(inOut(a, out), 0.22f, rows * width)));
        compare(
                "gatherRows",
                shape,
                k -> rows(k, x, indices, (a, b, out) -> k.gatherRows(a, b, rows, width, out)));
    }

    /** {@code out} with the values of {@code in}, for operations in place. */
    private static DeviceBuffer inOut(DeviceBuffer in, DeviceBuffer out) {
        ByteBuffer values = ByteBuffer.allocate((int) in.bytes());
        in.read(0, values);
        out.write(0, values.clear());
        return out;
    }

    /** Some entries of a table, more of them than a thread block takes. */
    private void tables() {
        int entries = 600 + random.nextInt(600);
        int count = entries / 2;
        int[] order = IntStream.range(0, entries).toArray();
        for (int i = 0; i < count; i++) {
            int with = i + random.nextInt(entries - i);
            int entry = order[with];
            order[with] = order[i];
            order[i] = entry;
        }
        ByteBuffer changes =
                ints(
                        1 + 3 * entries,
                        i -> i == 0 ? count : i % 3 == 1 ? order[i / 3] : random.nextInt());
        compare(
                "updateTables",
                count + " of " + entries,
                kernels -> {
                    try (DeviceBuffer list = upload(kernels, changes);
                            DeviceBuffer table = kernels.allocate(8L * entries)) {
                        kernels.updateTables(list, table);
                        return read(table);
                    }
                });
    }

    /** Quantisation, by itself and on the way of other operations. */
    private void codes() {
        int rows = 1 + random.nextInt(20);
        int width = 32 * (1 + random.nextInt(60));
        ByteBuffer x = randomFloats(rows * width);
        ByteBuffer y = randomFloats(rows * width);
        String shape = rows + "x" + width + " with codes";
        compare(
                "quantize",
                shape,
                kernels ->
                        codes(
                                kernels,
                                x,
                                y,
                                width,
                                (a, b, out) -> {
                                    out.values().write(0, x.duplicate());
                                    kernels.quantize(out, rows);
                                }));
        compare(
                "rmsNorm",
                shape,
                k -> codes(k, x, y, width, (a, b, o) -> k.normalize(a, b, 1e-5f, rows, true, o)));
        compare(
                "swiGlu",
                shape,
                k -> codes(k, x, y, width, (a, b, o) -> k.activate(SILU, a, b, rows, true, o)));
        compare(
                "geGlu",
                shape,
                k ->
                        codes(
                                k,
                                x,
                                y,
                                width,
                                (a, b, o) -> k.activate(GELU_TANH, a, b, rows, true, o)));
    }

    @FunctionalInterface
    private interface CodesOperation {
        void run(DeviceBuffer x, DeviceBuffer y, Activations out);
    }

    private static int[] codes(
            KernelProvider kernels,
            ByteBuffer x,
            ByteBuffer y,
            int width,
            CodesOperation operation) {
        try (DeviceBuffer a = upload(kernels, x);
                DeviceBuffer b = upload(kernels, y);
                Activations out = Activations.allocate(kernels, x.capacity() / 4 / width, width)) {
            operation.run(a, b, out);
            return Stream.of(out.values(), out.codes(), out.scales(), out.sums())
                    .flatMapToInt(buffer -> IntStream.of(read(buffer)))
                    .toArray();
        }
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
        ByteBuffer sinkScores = randomFloats(groupSize);
        int window = random.nextBoolean() ? AttentionParams.NO_WINDOW : 1 + random.nextInt(rows);
        float softCap = random.nextBoolean() ? AttentionParams.NO_CAP : 1 + random.nextInt(50);
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
                            DeviceBuffer sinks = upload(kernels, sinkScores);
                            DeviceBuffer out = kernels.allocate(q.capacity())) {
                        CacheView view =
                                new CacheView(
                                        page, pool, rows, 1, 1, rows, rowTable, sequences, heads,
                                        entries, null, faults, scores, false, null);
                        AttentionParams params =
                                new AttentionParams(
                                        groupSize,
                                        AttentionParams.scaleOf(headDim),
                                        window,
                                        softCap,
                                        sinks);
                        kernels.rotate(view, ropes, headDim / 2, 1, ks);
                        Rotation rotation = new Rotation(ropes, ropes, headDim);
                        kernels.ropeAndStore(view, 0, params, rotation, qs, ks, vs);
                        kernels.attention(view, 0, params, qs, out);
                        return read(out);
                    }
                });
    }

    /** A measured prompt in chunks, scored decode steps over holes, and slots that move. */
    private void statisticsScoresAndMoves(KvType type) {
        int headDim = 2 * (8 + random.nextInt(57));
        int groupSize = 1 + random.nextInt(9);
        AttentionCase test =
                new AttentionCase(
                        new KvPageDescriptor(type, headDim), groupSize, random.nextLong());
        String shape = type + " headDim=" + headDim + " groupSize=" + groupSize;
        AttentionCase.Result expected = test.run(reference, CHUNK);
        AttentionCase.Result actual = test.run(tested, CHUNK);
        compare("attention", shape + " ragged", expected.attention(), actual.attention());
        compare("attentionShares", shape, expected.measured(), actual.measured());
        compare("moveSlots", shape, expected.pool(), actual.pool());
        compare("packSlots", shape, expected.packed(), actual.packed());
        compare("unpackSlots", shape, expected.unpacked(), actual.unpacked());
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
        int firstHalf = type == TensorType.Q6_K ? type.blockBytes() - 2 : 0;
        int halves = HAVE_MINS.contains(type) ? 2 : 1;
        for (int block = 0; block < bytes; block += type.blockBytes()) {
            for (int i = 0; i < halves; i++) {
                int high = block + firstHalf + 2 * i + 1;
                data.put(high, (byte) (data.get(high) & 0xBF));
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
