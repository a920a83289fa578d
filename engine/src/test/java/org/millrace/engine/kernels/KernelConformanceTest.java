// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.kernels.reference.ReferenceKernels;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.tensor.Float16;
import org.millrace.engine.tensor.Tensor;
import org.millrace.engine.tensor.TensorType;

/**
 * Every operation of a provider against the Java reference: equal bits, whatever the sizes and the
 * number of threads, and not a byte written behind an output.
 */
abstract class KernelConformanceTest {
    private static final int SENTINEL = 0x5EA15EA1;
    private static final int SENTINEL_BYTES = 64;

    private final KernelProvider reference = new ReferenceKernels();
    private final Random random = new Random(17);
    private KernelProvider tested;

    /** The provider under test. */
    abstract KernelProvider provider();

    /** Rows of a prompt's chunks in the tests of attention statistics. */
    int[] chunks() {
        return new int[] {1, 7, 64};
    }

    @BeforeEach
    void lookUp() {
        tested = provider();
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void products(TensorType type) {
        for (int columns :
                type.blockSize() == 256 ? new int[] {256, 1280} : new int[] {32, 576, 1056, 2080}) {
            for (int rows : new int[] {1, 16, 37}) {
                Tensor tensor = randomTensor(type, rows, columns);
                for (ActivationType activations : ActivationType.values()) {
                    for (int batch : new int[] {1, 2, 3, 4, 5, 8, 13, 32}) {
                        float[] x = randomFloats(batch * columns);
                        assertThat(product(tested, tensor, activations, batch, x))
                                .as("%s %dx%d batch=%d %s", type, rows, columns, batch, activations)
                                .isEqualTo(product(reference, tensor, activations, batch, x));
                    }
                }
            }
        }
    }

    private int[] product(
            KernelProvider kernels,
            Tensor tensor,
            ActivationType activations,
            int batch,
            float[] x) {
        try (WeightMatrix matrix = kernels.pack(tensor, activations);
                Activations in = Activations.allocate(kernels, batch, tensor.columns());
                Output first = new Output(kernels, batch * tensor.rows());
                Output second = new Output(kernels, batch * tensor.rows())) {
            in.values().write(0, bytes(x));
            if (matrix.usesCodes()) {
                kernels.quantize(in, batch);
            }
            kernels.matmul(
                    in,
                    batch,
                    new WeightMatrix[] {matrix, matrix},
                    new DeviceBuffer[] {first.buffer, second.buffer});
            int[] bits = first.bits();
            assertThat(second.bits()).isEqualTo(bits);
            return bits;
        }
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void embedding(TensorType type) {
        int columns = type.blockSize() == 256 ? 512 : 96;
        Tensor tensor = randomTensor(type, 37, columns);
        int[] tokens = {36, 0, 5, 5, 31};
        assertThat(embed(tested, tensor, tokens)).isEqualTo(embed(reference, tensor, tokens));
    }

    private int[] embed(KernelProvider kernels, Tensor tensor, int[] tokens) {
        try (WeightMatrix matrix = kernels.pack(tensor, ActivationType.INT8);
                DeviceBuffer ids = upload(kernels, tokens);
                Output out = new Output(kernels, tokens.length * tensor.columns())) {
            kernels.embed(matrix, ids, tokens.length, out.buffer);
            return out.bits();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 63, 64, 80, 576, 1111})
    void rmsNorm(int width) {
        int rows = 33;
        float[] x = randomFloats(rows * width);
        float[] weight = randomFloats(width);
        assertThat(rmsNorm(tested, x, weight, rows)).isEqualTo(rmsNorm(reference, x, weight, rows));
    }

    private int[] rmsNorm(KernelProvider kernels, float[] x, float[] weight, int rows) {
        try (DeviceBuffer in = upload(kernels, x);
                DeviceBuffer weights = upload(kernels, weight);
                Output out = new Output(kernels, x.length)) {
            kernels.rmsNorm(in, weights, 1e-5f, rows, weight.length, out.buffer);
            return out.bits();
        }
    }

    @Test
    void quantization() {
        int width = 96;
        int rows = 700;
        float[] x = randomFloats(rows * width);
        Arrays.fill(x, 0, 32, 0f);
        Arrays.fill(x, 32, 64, 0x1p-101f);
        x[64] = Float.MAX_VALUE;
        x[100] = Float.NaN;
        x[140] = Float.NEGATIVE_INFINITY;
        x[170] = Float.MIN_VALUE;
        for (int i = 192; i < 224; i++) {
            x[i] = (i - 208) / 2f * 0.125f;
        }
        x[192] = 127 * 0.125f;
        try (Activations expected = Activations.allocate(reference, rows, width);
                Activations actual = Activations.allocate(tested, rows, width)) {
            expected.values().write(0, bytes(x));
            actual.values().write(0, bytes(x));
            reference.quantize(expected, rows);
            tested.quantize(actual, rows);
            assertThat(all(actual.codes())).isEqualTo(all(expected.codes()));
            assertThat(all(actual.sums())).isEqualTo(all(expected.sums()));
            float[] scales = floats(all(actual.scales()));
            float[] expectedScales = floats(all(expected.scales()));
            assertThat(scales).isEqualTo(expectedScales);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 40_000})
    void elementWise(int count) {
        float[] x = randomFloats(count);
        float[] y = randomFloats(count);
        x[0] = -200f;
        x[count - 1] = 200f;
        for (GateFunction function : GateFunction.values()) {
            assertThat(gated(tested, function, x, y)).isEqualTo(gated(reference, function, x, y));
        }
        assertThat(softCap(tested, x)).isEqualTo(softCap(reference, x));
        assertThat(add(tested, x, y)).isEqualTo(add(reference, x, y));
        assertThat(scale(tested, x)).isEqualTo(scale(reference, x));
    }

    private int[] softCap(KernelProvider kernels, float[] x) {
        try (Output capped = new Output(kernels, x.length)) {
            capped.buffer.write(0, bytes(x));
            kernels.softCap(capped.buffer, 3f, x.length);
            return capped.bits();
        }
    }

    private int[] scale(KernelProvider kernels, float[] x) {
        try (Output scaled = new Output(kernels, x.length)) {
            scaled.buffer.write(0, bytes(x));
            kernels.scale(scaled.buffer, 0.22f, x.length);
            return scaled.bits();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 64, 1111})
    void addBias(int width) {
        float[] x = randomFloats(33 * width);
        float[] bias = randomFloats(width);
        assertThat(addBias(tested, x, bias)).isEqualTo(addBias(reference, x, bias));
    }

    private int[] addBias(KernelProvider kernels, float[] x, float[] bias) {
        try (Output sum = new Output(kernels, x.length);
                DeviceBuffer addend = upload(kernels, bias)) {
            sum.buffer.write(0, bytes(x));
            kernels.addBias(sum.buffer, addend, x.length / bias.length, bias.length);
            return sum.bits();
        }
    }

    private int[] gated(KernelProvider kernels, GateFunction function, float[] gate, float[] up) {
        try (DeviceBuffer g = upload(kernels, gate);
                DeviceBuffer u = upload(kernels, up);
                Output out = new Output(kernels, gate.length)) {
            kernels.gatedProduct(function, g, u, gate.length, out.buffer);
            return out.bits();
        }
    }

    private int[] add(KernelProvider kernels, float[] x, float[] y) {
        try (Output sum = new Output(kernels, x.length);
                DeviceBuffer addend = upload(kernels, y)) {
            sum.buffer.write(0, bytes(x));
            kernels.add(sum.buffer, addend, x.length);
            return sum.bits();
        }
    }

    /** What operations quantise on the way is what they give by themselves. */
    @ParameterizedTest
    @ValueSource(ints = {32, 96, 576, 2080})
    void normalizeActivateAndAddWithCodes(int width) {
        int rows = 5;
        float[] x = randomFloats(rows * width);
        float[] y = randomFloats(rows * width);
        Arrays.fill(x, 0, 32, 0f);
        Tensor tensor = randomTensor(TensorType.Q8_0, 48, width);
        float[] sum = randomFloats(rows * 48);
        assertThat(fused(tested, x, y, tensor, sum)).isEqualTo(fused(reference, x, y, tensor, sum));
    }

    private byte[] fused(KernelProvider kernels, float[] x, float[] y, Tensor tensor, float[] sum) {
        int width = tensor.columns();
        int rows = x.length / width;
        ByteArrayOutputStream results = new ByteArrayOutputStream();
        try (DeviceBuffer a = upload(kernels, x);
                DeviceBuffer b = upload(kernels, y);
                Activations out = Activations.allocate(kernels, rows, width);
                WeightMatrix matrix = kernels.pack(tensor, ActivationType.INT8);
                WeightMatrix floats = kernels.pack(tensor, ActivationType.F32);
                DeviceBuffer total = upload(kernels, sum);
                DeviceBuffer scratch = kernels.allocate(total.bytes())) {
            kernels.normalize(a, b, 1e-5f, rows, true, out);
            writeAll(out, results);
            kernels.activate(GateFunction.SILU, a, b, rows, true, out);
            writeAll(out, results);
            kernels.multiplyAndAdd(out, rows, matrix, total, scratch);
            results.writeBytes(all(total));
            kernels.multiplyAndAdd(out, rows, floats, total, scratch);
            results.writeBytes(all(total));
            return results.toByteArray();
        }
    }

    private static void writeAll(Activations activations, ByteArrayOutputStream out) {
        out.writeBytes(all(activations.values()));
        out.writeBytes(all(activations.codes()));
        out.writeBytes(all(activations.scales()));
        out.writeBytes(all(activations.sums()));
    }

    /** More rows than any kernel takes at once. */
    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_K", "Q6_K", "Q8_0"})
    void productsOfManyRows(TensorType type) {
        Tensor tensor = randomTensor(type, 37, 1280);
        float[] x = randomFloats(70 * 1280);
        assertThat(product(tested, tensor, ActivationType.INT8, 70, x))
                .isEqualTo(product(reference, tensor, ActivationType.INT8, 70, x));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 33, 320})
    void argmaxAndGather(int width) {
        int rows = 6;
        float[] x = randomFloats(rows * width);
        Arrays.fill(x, 0, width, -3f);
        x[width + width / 2] = 9f;
        x[2 * width - 1] = 9f;
        x[3 * width - 1] = Float.POSITIVE_INFINITY;
        x[3 * width] = Float.NaN;
        int[] indices = {5, 0, 0, 3};
        assertThat(argmax(tested, x, rows)).isEqualTo(argmax(reference, x, rows));
        assertThat(gather(tested, x, indices, width))
                .isEqualTo(gather(reference, x, indices, width));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 255, 700})
    void tablesAreUpdated(int count) {
        int entries = 900;
        int[] changes = new int[1 + 3 * entries];
        changes[0] = count;
        for (int i = 0; i < entries; i++) {
            changes[1 + 3 * i] = (i * 7 + 3) % entries;
            changes[2 + 3 * i] = random.nextInt();
            changes[3 + 3 * i] = random.nextInt();
        }
        assertThat(updated(tested, changes, entries))
                .isEqualTo(updated(reference, changes, entries));
    }

    private int[] updated(KernelProvider kernels, int[] changes, int entries) {
        try (DeviceBuffer list = upload(kernels, changes);
                Output table = new Output(kernels, 2 * entries)) {
            kernels.updateTables(list, table.buffer);
            return table.bits();
        }
    }

    private int[] argmax(KernelProvider kernels, float[] x, int rows) {
        try (DeviceBuffer in = upload(kernels, x);
                Output out = new Output(kernels, rows)) {
            kernels.argmax(in, rows, x.length / rows, out.buffer);
            return out.bits();
        }
    }

    private int[] gather(KernelProvider kernels, float[] x, int[] indices, int width) {
        try (DeviceBuffer in = upload(kernels, x);
                DeviceBuffer rows = upload(kernels, indices);
                Output out = new Output(kernels, indices.length * width)) {
            kernels.gatherRows(in, rows, indices.length, width, out.buffer);
            return out.bits();
        }
    }

    /**
     * Head dimensions, group sizes; caches are ragged, with holes, gaps and positions far apart.
     */
    @ParameterizedTest
    @CsvSource({
        "F32,64,3",
        "F16,64,3",
        "INT8,64,3",
        "F32,80,7",
        "F16,80,1",
        "INT8,80,4",
        "F32,32,1",
        "F16,128,2",
        "INT8,32,1",
        "INT8,128,2",
        "F32,22,4",
        "F16,22,3",
        "INT8,22,3"
    })
    void ropeStoreAndAttention(KvType type, int headDim, int groupSize) {
        int[] rows = {1, 5, 1, 19};
        // Sequence 0, head 0 has no past at all; the others differ in length and density.
        int[] pasts = {0, 37, 68, 98, 129, 159, 190, 220};
        KvPageDescriptor page = new KvPageDescriptor(type, headDim);
        CacheCase test = new CacheCase(page, groupSize, rows, pasts, true);
        assertSame(test, "prompts and single rows");
    }

    /** Single rows of many sequences, whose heads hold from no slot to some hundred. */
    @ParameterizedTest
    @CsvSource({
        "1,64", "1,80", "1,128", "2,64", "2,80", "2,128", "8,64", "8,80", "8,128", "32,64", "32,80",
        "32,128"
    })
    void decodeBatches(int batch, int headDim) {
        int[] lengths = {0, 1, 300, 31, 32, 33, 2, 70, 5};
        int[] rows = new int[batch];
        Arrays.fill(rows, 1);
        for (int groupSize = 1; groupSize <= 8; groupSize++) {
            KvType type = KvType.values()[(groupSize + batch + headDim / 16) % 3];
            int first = groupSize;
            int[] pasts =
                    IntStream.range(0, 2 * batch)
                            .map(i -> lengths[(first + i) % lengths.length])
                            .toArray();
            KvPageDescriptor page = new KvPageDescriptor(type, headDim);
            CacheCase test = new CacheCase(page, groupSize, rows, pasts, false);
            assertSame(test, type + " groupSize=" + groupSize);
        }
    }

    private void assertSame(CacheCase test, String description) {
        CacheCase.Result expected = test.run(reference);
        CacheCase.Result actual = test.run(tested);
        assertThat(actual.pool()).as(description).isEqualTo(expected.pool());
        assertThat(actual.faults()).as(description).isEqualTo(expected.faults());
        assertThat(actual.q()).as(description).isEqualTo(expected.q());
        assertThat(actual.attention()).as(description).isEqualTo(expected.attention());
        assertThat(actual.codes()).as(description).isEqualTo(expected.codes());
    }

    @ParameterizedTest
    @CsvSource({"F32,32,1", "F16,64,3", "INT8,64,3", "INT8,80,4", "F32,22,7", "INT8,128,9"})
    void statisticsScoresAndMoves(KvType type, int headDim, int groupSize) {
        AttentionCase test = new AttentionCase(new KvPageDescriptor(type, headDim), groupSize, 5);
        AttentionCase.Result expected = test.run(reference, 290);
        for (int chunk : chunks()) {
            AttentionCase.Result actual = test.run(tested, chunk);
            assertThat(actual.attention()).as("attention").isEqualTo(expected.attention());
            assertThat(actual.statistics()).as("statistics").isEqualTo(expected.statistics());
            assertThat(actual.scores()).as("scores").isEqualTo(expected.scores());
            assertThat(actual.pool()).as("pool").isEqualTo(expected.pool());
        }
    }

    /** Two layers, some sequences, two KV heads; the second layer is the one that is run. */
    private final class CacheCase {
        private static final int LAYERS = 2;
        private static final int KV_HEADS = 2;

        record Result(int[] pool, int[] faults, int[] q, int[] attention, byte[] codes) {}

        private final KvPageDescriptor page;
        private final int[] counts;
        private final int[] pasts;
        private final boolean hasFault;
        private final int pages;
        private final int numHeads;
        private final int numRows;
        private final int[] rows;
        private final int[] sequences;
        private final int[] heads;
        private final int[] entries;
        private final byte[] pool;
        private final float[] q;
        private final float[] k;
        private final float[] v;
        private final float[] rope;

        /**
         * @param counts rows of each sequence
         * @param pasts slots of each [sequence][KV head] before
         * @param hasFault whether a value of the first row is not finite
         */
        CacheCase(
                KvPageDescriptor page, int groupSize, int[] counts, int[] pasts, boolean hasFault) {
            this.page = page;
            this.counts = counts;
            this.pasts = pasts;
            this.hasFault = hasFault;
            this.numHeads = KV_HEADS * groupSize;
            numRows = Arrays.stream(counts).sum();
            pages =
                    IntStream.range(0, pasts.length)
                            .map(i -> pagesOf(pasts[i] + counts[i / KV_HEADS]))
                            .sum();
            rows = new int[2 * numRows];
            sequences = new int[2 * counts.length];
            heads = new int[LAYERS * counts.length * KV_HEADS * 4];
            entries = new int[2 * pages];
            pool = new byte[pages * page.pageBytes()];
            q = randomFloats(numRows * numHeads * page.headDim());
            k = randomFloats(numRows * KV_HEADS * page.headDim());
            v = randomFloats(numRows * KV_HEADS * page.headDim());
            rope = randomFloats(2048 * (page.headDim() / 2) * 2);
            if (hasFault) {
                v[3] = type() == KvType.F16 ? 1e6f : Float.NaN;
            }
            fill();
        }

        private int pagesOf(int slots) {
            return (slots + KvPageDescriptor.PAGE_SLOTS - 1) / KvPageDescriptor.PAGE_SLOTS;
        }

        private KvType type() {
            return page.type();
        }

        private void fill() {
            ByteBuffer bytes = ByteBuffer.wrap(pool).order(ByteOrder.LITTLE_ENDIAN);
            int row = 0;
            int nextEntry = 0;
            for (int s = 0; s < counts.length; s++) {
                sequences[2 * s] = row;
                sequences[2 * s + 1] = counts[s];
                int firstPosition = 1500 + 10 * s;
                for (int i = 0; i < counts[s]; i++, row++) {
                    rows[2 * row] = s;
                    rows[2 * row + 1] = firstPosition + i;
                }
                for (int h = 0; h < KV_HEADS; h++) {
                    int past = pasts[s * KV_HEADS + h];
                    int slots = past + counts[s];
                    int head = ((LAYERS - 1) * counts.length * KV_HEADS + s * KV_HEADS + h) * 4;
                    heads[head] = nextEntry;
                    heads[head + 1] = pagesOf(slots);
                    heads[head + 2] = past;
                    int position = 0;
                    for (int slot = 0; slot < slots; slot++) {
                        int entry = nextEntry + slot / KvPageDescriptor.PAGE_SLOTS;
                        entries[2 * entry] = pages - 1 - entry;
                        boolean isPast = slot < past;
                        if (!isPast || random.nextInt(4) > 0) {
                            entries[2 * entry + 1] |= 1 << slot % KvPageDescriptor.PAGE_SLOTS;
                        }
                        if (isPast) {
                            position += 1 + random.nextInt(1 + s % 4) * random.nextInt(3);
                            writeSlot(
                                    bytes,
                                    entries[2 * entry],
                                    slot % KvPageDescriptor.PAGE_SLOTS,
                                    position);
                        }
                    }
                    nextEntry += pagesOf(slots);
                }
            }
        }

        private void writeSlot(ByteBuffer bytes, int number, int slot, int position) {
            int at = number * page.pageBytes();
            bytes.putInt(at + page.positionOffset(slot), position);
            if (page.hasScales()) {
                bytes.putFloat(at + page.keyScaleOffset(slot), random.nextFloat() / 64);
                bytes.putFloat(at + page.valueScaleOffset(slot), random.nextFloat() / 64);
            }
            for (int d = 0; d < page.headDim(); d++) {
                put(bytes, at + page.keyOffset(slot, d));
                put(bytes, at + page.valueOffset(slot, d));
            }
        }

        private void put(ByteBuffer bytes, int at) {
            float x = (float) random.nextGaussian();
            switch (page.type()) {
                case F32 -> bytes.putFloat(at, x);
                case F16 -> bytes.putShort(at, Float16.fromFloat(x));
                case INT8 -> bytes.put(at, (byte) (random.nextInt(255) - 127));
            }
        }

        Result run(KernelProvider kernels) {
            try (DeviceBuffer poolBuffer = kernels.allocate(pool.length);
                    DeviceBuffer rowsBuffer = upload(kernels, rows);
                    DeviceBuffer sequencesBuffer = upload(kernels, sequences);
                    DeviceBuffer headsBuffer = upload(kernels, heads);
                    DeviceBuffer entriesBuffer = upload(kernels, entries);
                    DeviceBuffer ropeBuffer = upload(kernels, rope);
                    DeviceBuffer sinks = AttentionParams.noSinks(kernels, numHeads);
                    DeviceBuffer kBuffer = upload(kernels, k);
                    DeviceBuffer vBuffer = upload(kernels, v);
                    Output qOut = new Output(kernels, q.length);
                    Output faults = new Output(kernels, numRows);
                    DeviceBuffer scores =
                            kernels.allocate(4L * pages * KvPageDescriptor.PAGE_SLOTS);
                    Activations out =
                            Activations.allocate(kernels, numRows, numHeads * page.headDim())) {
                poolBuffer.write(0, ByteBuffer.wrap(pool));
                qOut.buffer.write(0, bytes(q));
                CacheView view =
                        new CacheView(
                                page,
                                poolBuffer,
                                numRows,
                                counts.length,
                                KV_HEADS,
                                1500 + 10 * counts.length + numRows,
                                rowsBuffer,
                                sequencesBuffer,
                                headsBuffer,
                                entriesBuffer,
                                null,
                                faults.buffer,
                                scores,
                                false,
                                null);
                AttentionParams params = AttentionParams.plain(numHeads, page.headDim(), sinks);
                Rotation rotation = new Rotation(ropeBuffer, ropeBuffer, page.headDim());
                kernels.ropeAndStore(
                        view, LAYERS - 1, params, rotation, qOut.buffer, kBuffer, vBuffer);
                boolean quantized = out.codes() != null;
                kernels.attend(view, LAYERS - 1, params, qOut.buffer, quantized, out);
                int[] attention = ints(all(out.values()));
                byte[] codes = quantized ? all(out.codes()) : new byte[out.width()];
                if (hasFault) {
                    // The row ends its request: its output is nobody's.
                    Arrays.fill(attention, 0, out.width(), 0);
                    Arrays.fill(codes, 0, out.width(), (byte) 0);
                }
                return new Result(
                        ints(all(poolBuffer)), faults.bits(), qOut.bits(), attention, codes);
            }
        }
    }

    private Tensor randomTensor(TensorType type, int rows, int columns) {
        ByteBuffer data =
                ByteBuffer.allocate((int) (rows * type.rowBytes(columns)))
                        .order(ByteOrder.LITTLE_ENDIAN);
        if (type == TensorType.F32) {
            data.asFloatBuffer().put(randomFloats(rows * columns));
        } else if (type == TensorType.F16 || type == TensorType.BF16) {
            for (float x : randomFloats(rows * columns)) {
                data.putShort(
                        type == TensorType.F16
                                ? Float16.fromFloat(x)
                                : (short) (Float.floatToRawIntBits(x) >>> 16));
            }
        } else {
            random.nextBytes(data.array());
            // Half floats inside random bytes: clear an exponent bit, so that none is infinite.
            for (int block = 0; block < data.capacity(); block += type.blockBytes()) {
                int at = type == TensorType.Q6_K ? block + type.blockBytes() - 2 : block;
                data.putShort(at, (short) (data.getShort(at) & 0xBFFF));
                if (type == TensorType.Q4_1
                        || type == TensorType.Q5_1
                        || type.blockSize() == 256 && type != TensorType.Q6_K) {
                    data.putShort(at + 2, (short) (data.getShort(at + 2) & 0xBFFF));
                }
            }
        }
        return new Tensor("random", type, rows, columns, data.clear());
    }

    private float[] randomFloats(int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static ByteBuffer bytes(float[] values) {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes;
    }

    private static DeviceBuffer upload(KernelProvider kernels, float[] values) {
        DeviceBuffer buffer = kernels.allocate(4L * values.length);
        buffer.write(0, bytes(values));
        return buffer;
    }

    private static DeviceBuffer upload(KernelProvider kernels, int[] values) {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(values);
        DeviceBuffer buffer = kernels.allocate(4L * values.length);
        buffer.write(0, bytes);
        return buffer;
    }

    private static byte[] all(DeviceBuffer buffer) {
        ByteBuffer bytes = ByteBuffer.allocate((int) buffer.bytes());
        buffer.read(0, bytes);
        return bytes.array();
    }

    private static int[] ints(byte[] bytes) {
        int[] values = new int[bytes.length / 4];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(values);
        return values;
    }

    private static float[] floats(byte[] bytes) {
        float[] values = new float[bytes.length / 4];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        return values;
    }

    /** A buffer of 32-bit values with sentinels behind them. */
    private static final class Output implements AutoCloseable {
        private final DeviceBuffer buffer;
        private final int length;

        Output(KernelProvider kernels, int length) {
            this.length = length;
            buffer = kernels.allocate(4L * length + SENTINEL_BYTES);
            ByteBuffer sentinels =
                    ByteBuffer.allocate(SENTINEL_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            while (sentinels.hasRemaining()) {
                sentinels.putInt(SENTINEL);
            }
            buffer.write(4L * length, sentinels.flip());
        }

        int[] bits() {
            int[] values = ints(all(buffer));
            for (int i = length; i < values.length; i++) {
                assertThat(values[i])
                        .as("sentinel %d behind the output", i - length)
                        .isEqualTo(SENTINEL);
            }
            return Arrays.copyOf(values, length);
        }

        @Override
        public void close() {
            buffer.close();
        }
    }
}
