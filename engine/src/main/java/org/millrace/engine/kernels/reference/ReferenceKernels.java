// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.FloatMath;
import org.millrace.engine.kernels.GateFunction;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Rotation;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.tensor.Tensor;

/**
 * The numerics contract in plain Java, written to be read: the oracle of all other providers, and
 * what runs where there is no C++ library.
 */
public final class ReferenceKernels implements KernelProvider {
    private static final int NORM_LANES = 64;

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public DeviceBuffer allocate(long bytes) {
        return new HostBuffer(bytes);
    }

    @Override
    public WeightMatrix pack(Tensor tensor, ActivationType activations) {
        return new ReferenceMatrix(tensor, activations);
    }

    @Override
    public void embed(WeightMatrix table, DeviceBuffer tokens, int rows, DeviceBuffer out) {
        for (int r = 0; r < rows; r++) {
            int token = HostBuffer.of(tokens).getInt(r);
            HostBuffer.of(out)
                    .putFloats(r * table.columns(), ((ReferenceMatrix) table).dequantize(token));
        }
    }

    @Override
    public void rmsNorm(
            DeviceBuffer x, DeviceBuffer weight, float eps, int rows, int width, DeviceBuffer out) {
        float[] weights = HostBuffer.of(weight).floats(0, width);
        for (int r = 0; r < rows; r++) {
            float[] row = HostBuffer.of(x).floats(r * width, width);
            float scale = 1f / (float) Math.sqrt(sumOfSquares(row) / (float) width + eps);
            for (int i = 0; i < width; i++) {
                row[i] = row[i] * scale * weights[i];
            }
            HostBuffer.of(out).putFloats(r * width, row);
        }
    }

    /** 64 chains, lane i % 64, then a tree. */
    private static float sumOfSquares(float[] row) {
        float[] lanes = new float[NORM_LANES];
        for (int i = 0; i < row.length; i++) {
            lanes[i % NORM_LANES] = Math.fma(row[i], row[i], lanes[i % NORM_LANES]);
        }
        for (int width = NORM_LANES / 2; width > 0; width /= 2) {
            for (int i = 0; i < width; i++) {
                lanes[i] += lanes[i + width];
            }
        }
        return lanes[0];
    }

    @Override
    public void quantize(Activations activations, int rows) {
        int width = activations.width();
        float[] values = HostBuffer.of(activations.values()).floats(0, rows * width);
        byte[] codes = new byte[rows * width];
        for (int b = 0; b < rows * width / Activations.BLOCK; b++) {
            int from = b * Activations.BLOCK;
            float scale = BlockQuantizer.quantize(values, from, Activations.BLOCK, codes);
            int sum = 0;
            for (int i = 0; i < Activations.BLOCK; i++) {
                sum += codes[from + i];
            }
            HostBuffer.of(activations.scales()).putFloat(b, scale);
            HostBuffer.of(activations.sums()).putInt(b, sum);
        }
        HostBuffer.of(activations.codes()).raw().put(0, codes);
    }

    @Override
    public void matmul(Activations in, int rows, WeightMatrix[] weights, DeviceBuffer[] outs) {
        float[] values = HostBuffer.of(in.values()).floats(0, rows * in.width());
        QuantizedRows quantized = null;
        if (Arrays.stream(weights).anyMatch(WeightMatrix::usesCodes)) {
            quantized = quantizedRows(in, rows);
        }
        for (int i = 0; i < weights.length; i++) {
            multiply((ReferenceMatrix) weights[i], rows, values, quantized, HostBuffer.of(outs[i]));
        }
    }

    private static QuantizedRows quantizedRows(Activations in, int rows) {
        byte[] codes = new byte[rows * in.width()];
        HostBuffer.of(in.codes()).raw().get(0, codes);
        int blocks = codes.length / Activations.BLOCK;
        int[] sums = new int[blocks];
        Arrays.setAll(sums, HostBuffer.of(in.sums())::getInt);
        return new QuantizedRows(codes, HostBuffer.of(in.scales()).floats(0, blocks), sums);
    }

    private static void multiply(
            ReferenceMatrix weights,
            int rows,
            float[] values,
            QuantizedRows quantized,
            HostBuffer out) {
        IntStream.range(0, weights.rows())
                .parallel()
                .forEach(
                        n -> {
                            float[] row = weights.usesCodes() ? null : weights.dequantize(n);
                            for (int r = 0; r < rows; r++) {
                                float y =
                                        row == null
                                                ? weights.dot(n, quantized, r)
                                                : weights.dot(row, values, r * weights.columns());
                                out.putFloat(r * weights.rows() + n, y);
                            }
                        });
    }

    @Override
    public void rotate(
            CacheView view, DeviceBuffer table, int dimensions, int heads, DeviceBuffer x) {
        int half = dimensions / 2;
        int headDim = view.page().headDim();
        for (int i = 0; i < view.numRows() * heads; i++) {
            int position = HostBuffer.of(view.rows()).getInt(2 * (i / heads) + 1);
            float[] head = HostBuffer.of(x).floats(i * headDim, headDim);
            for (int d = 0; d < half; d++) {
                float c = HostBuffer.of(table).getFloat(2 * (position * half + d));
                float s = HostBuffer.of(table).getFloat(2 * (position * half + d) + 1);
                float x0 = head[d];
                float x1 = head[half + d];
                head[d] = Math.fma(x0, c, -(x1 * s));
                head[half + d] = Math.fma(x1, c, x0 * s);
            }
            HostBuffer.of(x).putFloats(i * headDim, head);
        }
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
        int dimensions = rotation.dimensions();
        rotate(view, rotation.queries(), dimensions, attention.numHeads(), q);
        rotate(view, rotation.keys(), dimensions, view.numKvHeads(), k);
        ReferenceKvStore store = new ReferenceKvStore(view);
        int headDim = view.page().headDim();
        for (int r = 0; r < view.numRows(); r++) {
            for (int h = 0; h < view.numKvHeads(); h++) {
                int from = (r * view.numKvHeads() + h) * headDim;
                float[] key = HostBuffer.of(k).floats(from, headDim);
                float[] value = HostBuffer.of(v).floats(from, headDim);
                if (!store.store(layer, r, h, key, value)) {
                    HostBuffer.of(view.faults()).putInt(r, 1);
                }
            }
        }
    }

    @Override
    public void attention(
            CacheView view,
            int layer,
            AttentionParams attention,
            DeviceBuffer q,
            DeviceBuffer out) {
        int headDim = view.page().headDim();
        int numHeads = attention.numHeads();
        int groupSize = numHeads / view.numKvHeads();
        ReferenceAttention one = new ReferenceAttention(view, attention);
        Object[] areas = Stream.generate(Object::new).limit(view.numKvHeads()).toArray();
        IntStream.range(0, view.numRows() * view.numKvHeads())
                .parallel()
                .forEach(
                        i -> {
                            int row = i / view.numKvHeads();
                            int kvHead = i % view.numKvHeads();
                            ReferenceSlots visible =
                                    ReferenceSlots.visible(
                                            view, layer, row, kvHead, attention.window());
                            float[][] shares = new float[groupSize][visible.count()];
                            for (int g = 0; g < groupSize; g++) {
                                int head = kvHead * groupSize + g;
                                int at = (row * numHeads + head) * headDim;
                                float[] query = HostBuffer.of(q).floats(at, headDim);
                                float[] result = one.attend(visible, head, query, shares[g]);
                                HostBuffer.of(out).putFloats(at, result);
                            }
                            synchronized (areas[kvHead]) {
                                measure(view, layer, row, kvHead, visible, shares);
                            }
                        });
    }

    /** Statistics and scores of one row and KV head; one row of a KV head at a time. */
    private static void measure(
            CacheView view,
            int layer,
            int row,
            int kvHead,
            ReferenceSlots visible,
            float[][] shares) {
        int sequence = HostBuffer.of(view.rows()).getInt(2 * row);
        int head = ReferenceSlots.headIndex(view, layer, sequence, kvHead);
        int mode = HostBuffer.of(view.heads()).getInt(head + 3);
        if (mode != CacheView.SCORE_NONE) {
            ReferenceScores.update(view, mode, visible, shares);
        }
        ReferenceProfile profile = ReferenceProfile.of(view, layer, sequence, kvHead);
        if (profile != null) {
            profile.add(HostBuffer.of(view.rows()).getInt(2 * row + 1), visible, shares);
        }
    }

    @Override
    public void moveSlots(
            KvPageDescriptor page,
            DeviceBuffer pool,
            DeviceBuffer scores,
            DeviceBuffer moves,
            int count) {
        ReferenceSlotMover mover = new ReferenceSlotMover(page, pool, scores);
        for (int i = 0; i < count; i++) {
            HostBuffer move = HostBuffer.of(moves);
            mover.move(
                    move.getInt(4 * i),
                    move.getInt(4 * i + 1),
                    move.getInt(4 * i + 2),
                    move.getInt(4 * i + 3));
        }
    }

    @Override
    public void packSlots(
            KvPageDescriptor page,
            DeviceBuffer pool,
            DeviceBuffer slots,
            int count,
            DeviceBuffer out) {
        ReferenceSlotPacker packer = new ReferenceSlotPacker(page, pool, out);
        HostBuffer slot = HostBuffer.of(slots);
        for (int i = 0; i < count; i++) {
            packer.pack(slot.getInt(2 * i), slot.getInt(2 * i + 1));
        }
    }

    @Override
    public void unpackSlots(
            KvPageDescriptor page,
            DeviceBuffer packed,
            DeviceBuffer slots,
            int count,
            DeviceBuffer pool) {
        ReferenceSlotPacker packer = new ReferenceSlotPacker(page, pool, packed);
        HostBuffer slot = HostBuffer.of(slots);
        for (int i = 0; i < count; i++) {
            packer.unpack(slot.getInt(2 * i), slot.getInt(2 * i + 1));
        }
    }

    @Override
    public void gatedProduct(
            GateFunction function,
            DeviceBuffer gate,
            DeviceBuffer up,
            int count,
            DeviceBuffer out) {
        for (int i = 0; i < count; i++) {
            float x = HostBuffer.of(gate).getFloat(i);
            float activated =
                    switch (function) {
                        case SILU -> FloatMath.silu(x);
                        case GELU_TANH -> FloatMath.geluTanh(x);
                    };
            HostBuffer.of(out).putFloat(i, activated * HostBuffer.of(up).getFloat(i));
        }
    }

    @Override
    public void add(DeviceBuffer x, DeviceBuffer y, int count) {
        for (int i = 0; i < count; i++) {
            HostBuffer.of(x)
                    .putFloat(i, HostBuffer.of(x).getFloat(i) + HostBuffer.of(y).getFloat(i));
        }
    }

    @Override
    public void addBias(DeviceBuffer x, DeviceBuffer bias, int rows, int width) {
        for (int i = 0; i < rows * width; i++) {
            float sum = HostBuffer.of(x).getFloat(i) + HostBuffer.of(bias).getFloat(i % width);
            HostBuffer.of(x).putFloat(i, sum);
        }
    }

    @Override
    public void scale(DeviceBuffer x, float factor, int count) {
        for (int i = 0; i < count; i++) {
            HostBuffer.of(x).putFloat(i, HostBuffer.of(x).getFloat(i) * factor);
        }
    }

    @Override
    public void softCap(DeviceBuffer x, float cap, int count) {
        for (int i = 0; i < count; i++) {
            HostBuffer.of(x).putFloat(i, FloatMath.softCap(HostBuffer.of(x).getFloat(i), cap));
        }
    }

    @Override
    public void gatherRows(
            DeviceBuffer x, DeviceBuffer indices, int count, int width, DeviceBuffer out) {
        for (int r = 0; r < count; r++) {
            int index = HostBuffer.of(indices).getInt(r);
            HostBuffer.of(out).putFloats(r * width, HostBuffer.of(x).floats(index * width, width));
        }
    }

    @Override
    public void argmax(DeviceBuffer x, int rows, int width, DeviceBuffer out) {
        for (int r = 0; r < rows; r++) {
            HostBuffer.of(out).putInt(r, argmax(HostBuffer.of(x).floats(r * width, width)));
        }
    }

    private static int argmax(float[] row) {
        int best = 0;
        for (int i = 0; i < row.length; i++) {
            if (!BlockQuantizer.isFinite(row[i])) {
                return -1;
            }
            if (row[i] > row[best]) {
                best = i;
            }
        }
        return best;
    }

    @Override
    public void close() {}
}
