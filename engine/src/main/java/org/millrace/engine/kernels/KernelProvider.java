// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.tensor.Tensor;

/**
 * The operations of a forward pass on one kind of hardware. Every provider gives the same bits,
 * whatever the batch, the threads and the instruction set; {@code docs/numerics.md} fixes each
 * rounding. All matrices are row-major and dense; outputs never alias inputs unless said. Calls
 * return when the results may be read. Thread safe: calls of several generators share one compute
 * pool.
 */
public interface KernelProvider extends AutoCloseable {
    /**
     * For people and logs: {@code reference}, {@code cpu-avx2}, {@code cuda (NVIDIA H100, sm_90)}.
     */
    String name();

    /** Zeroed memory; throws OutOfMemoryError with the size asked for. */
    DeviceBuffer allocate(long bytes);

    /** As {@link #allocate}, with any contents: a buffer that was closed may come back. */
    default DeviceBuffer allocateUninitialized(long bytes) {
        return allocate(bytes);
    }

    /**
     * Copies a matrix into this provider's layout.
     *
     * @param activations INT8 makes products of block types take int8 codes; float types always
     *     take float values
     */
    WeightMatrix pack(Tensor tensor, ActivationType activations);

    /**
     * Rows of an embedding table, dequantised.
     *
     * @param tokens int[rows], each below {@code table.rows()}
     * @param out float[rows][table.columns()]
     */
    void embed(WeightMatrix table, DeviceBuffer tokens, int rows, DeviceBuffer out);

    /**
     * RMSNorm of each row.
     *
     * @param x float[rows][width]
     * @param weight float[width]
     * @param out float[rows][width]; may be {@code x}
     */
    void rmsNorm(
            DeviceBuffer x, DeviceBuffer weight, float eps, int rows, int width, DeviceBuffer out);

    /** Fills codes, scales and sums from the values of the first {@code rows} rows. */
    void quantize(Activations activations, int rows);

    /**
     * Products of the first {@code rows} rows with several matrices of the same K: {@code outs[i] =
     * in x weights[i]^T}.
     *
     * @param outs float[rows][weights[i].rows()] each
     */
    void matmul(Activations in, int rows, WeightMatrix[] weights, DeviceBuffer[] outs);

    /**
     * Brings page tables up to date.
     *
     * @param changes int[1 + 3 * n]: count, at most n, then so many times entry, page number, live
     *     mask; no entry twice
     * @param entries int[][2], see {@link CacheView}
     */
    default void updateTables(DeviceBuffer changes, DeviceBuffer entries) {
        ByteBuffer count = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        changes.read(0, count);
        ByteBuffer all =
                ByteBuffer.allocate(CHANGE_BYTES * count.getInt(0)).order(ByteOrder.LITTLE_ENDIAN);
        changes.read(Integer.BYTES, all);
        for (int at = 0; at < all.capacity(); at += CHANGE_BYTES) {
            all.limit(at + CHANGE_BYTES).position(at + Integer.BYTES);
            entries.write(8L * all.getInt(at), all);
        }
    }

    /**
     * Rotates heads by their rows' positions, in place.
     *
     * @param table of {@link Rotation}
     * @param dimensions of each head that are rotated
     * @param x float[numRows][heads][headDim]
     */
    void rotate(CacheView view, DeviceBuffer table, int dimensions, int heads, DeviceBuffer x);

    /**
     * Rotates queries and keys by their rows' positions and stores keys and values of one layer in
     * their slots, with the slots' positions and score 0. Sets {@code view.faults}.
     *
     * @param q float[numRows][numHeads][headDim], rotated in place
     * @param k float[numRows][numKvHeads][headDim], rotated in place
     * @param v float[numRows][numKvHeads][headDim]
     */
    void ropeAndStore(
            CacheView view,
            int layer,
            AttentionParams attention,
            Rotation rotation,
            DeviceBuffer q,
            DeviceBuffer k,
            DeviceBuffer v);

    /**
     * Causal attention of one layer: each row over the live slots of its sequence whose position is
     * not above its own, and within its window. Adds to the statistics of {@code view.profile} and
     * updates {@code view.scores} of heads with a score mode; both are undefined for sequences with
     * a fault.
     *
     * @param q float[numRows][numHeads][headDim], rotated; head h reads KV head {@code h /
     *     (numHeads / numKvHeads)}
     * @param out float[numRows][numHeads][headDim]
     */
    void attention(
            CacheView view, int layer, AttentionParams attention, DeviceBuffer q, DeviceBuffer out);

    /**
     * Takes the scratch memory that {@link #attention} needs for steps of a model, so that no step
     * lacks it; for providers whose memory may be short. Throws OutOfMemoryError.
     *
     * @param maxRows of a step
     * @param positions most positions of a sequence
     */
    default void reserveAttention(
            int numHeads, int numKvHeads, int headDim, int maxRows, int positions) {}

    /**
     * Copies slots to other pages of the same pool: position, key, value, scales and score. No
     * source page is a target page.
     *
     * @param scores float[pages of the pool][page slots]
     * @param moves int[count][4]: source page, source slot, target page, target slot
     */
    void moveSlots(
            KvPageDescriptor page,
            DeviceBuffer pool,
            DeviceBuffer scores,
            DeviceBuffer moves,
            int count);

    /**
     * Packs slots of pages side by side, each as {@link KvPageDescriptor#slotBytes} says.
     *
     * @param slots int[count][2]: page, slot
     * @param out byte[count][page.slotBytes()]
     */
    void packSlots(
            KvPageDescriptor page,
            DeviceBuffer pool,
            DeviceBuffer slots,
            int count,
            DeviceBuffer out);

    /**
     * The opposite of {@link #packSlots}: slots into pages; nothing else of the pages changes.
     *
     * @param packed byte[count][page.slotBytes()]
     * @param slots int[count][2]: page, slot; none twice
     */
    void unpackSlots(
            KvPageDescriptor page,
            DeviceBuffer packed,
            DeviceBuffer slots,
            int count,
            DeviceBuffer pool);

    /**
     * {@code out = function(gate) * up}, element by element; all float[count]. {@code out} may be
     * {@code gate}.
     */
    void gatedProduct(
            GateFunction function, DeviceBuffer gate, DeviceBuffer up, int count, DeviceBuffer out);

    /** {@code x += y}, element by element; float[count]. */
    void add(DeviceBuffer x, DeviceBuffer y, int count);

    /**
     * {@code x += bias} in each row.
     *
     * @param x float[rows][width]
     * @param bias float[width]
     */
    void addBias(DeviceBuffer x, DeviceBuffer bias, int rows, int width);

    /** {@code x *= factor}, element by element; float[count]. */
    void scale(DeviceBuffer x, float factor, int count);

    /** {@code x = cap * tanh(x / cap)}, element by element; float[count]. */
    void softCap(DeviceBuffer x, float cap, int count);

    /**
     * Copies rows.
     *
     * @param x float[][width]
     * @param indices int[count]
     * @param out float[count][width]
     */
    void gatherRows(DeviceBuffer x, DeviceBuffer indices, int count, int width, DeviceBuffer out);

    /**
     * Index of the largest value of each row, the lowest on ties; -1 if a value of the row is not
     * finite.
     *
     * @param x float[rows][width]
     * @param out int[rows]
     */
    void argmax(DeviceBuffer x, int rows, int width, DeviceBuffer out);

    /**
     * {@link #rmsNorm} of rows as wide as {@code out}, then {@link #quantize} if asked for.
     *
     * @param x float[rows][out.width()]
     * @param weight float[out.width()]
     */
    default void normalize(
            DeviceBuffer x,
            DeviceBuffer weight,
            float eps,
            int rows,
            boolean quantized,
            Activations out) {
        rmsNorm(x, weight, eps, rows, out.width(), out.values());
        if (quantized) {
            quantize(out, rows);
        }
    }

    /** {@link #attention} of all rows, then {@link #quantize} if asked for. */
    default void attend(
            CacheView view,
            int layer,
            AttentionParams attention,
            DeviceBuffer q,
            boolean quantized,
            Activations out) {
        attention(view, layer, attention, q, out.values());
        if (quantized) {
            quantize(out, view.numRows());
        }
    }

    /**
     * {@link #gatedProduct} of rows as wide as {@code out}, then {@link #quantize} if asked for.
     *
     * @param gate float[rows][out.width()]
     * @param up float[rows][out.width()]
     */
    default void activate(
            GateFunction function,
            DeviceBuffer gate,
            DeviceBuffer up,
            int rows,
            boolean quantized,
            Activations out) {
        gatedProduct(function, gate, up, rows * out.width(), out.values());
        if (quantized) {
            quantize(out, rows);
        }
    }

    /**
     * Product of the first {@code rows} rows with a matrix, added to {@code sum}: {@link #matmul}
     * and {@link #add}.
     *
     * @param sum float[rows][weights.rows()]
     * @param product scratch memory, as {@code sum}
     */
    default void multiplyAndAdd(
            Activations in,
            int rows,
            WeightMatrix weights,
            DeviceBuffer sum,
            DeviceBuffer product) {
        matmul(in, rows, new WeightMatrix[] {weights}, new DeviceBuffer[] {product});
        add(sum, product, rows * weights.rows());
    }

    /** Bytes of a change of {@link #updateTables}. */
    int CHANGE_BYTES = 3 * Integer.BYTES;

    /** Bytes of a request of {@link #draw}: SampleRequest of {@code sample.cu}. */
    int DRAW_REQUEST_BYTES = 48;

    /** Bytes of a result of {@link #draw}: Drawn of {@code sample.cu}. */
    int DRAWN_BYTES = 24;

    /** Whether {@link #draw} can be called; otherwise the caller draws from the logits itself. */
    default boolean drawsTokens() {
        return false;
    }

    /**
     * Draws a token for each request, as the sampler on the host would.
     *
     * @param logits float[][width], finite in the rows that are asked for
     * @param requests {@link #DRAW_REQUEST_BYTES} each
     * @param seen int[], tokens that requests refer to
     * @param scratch float[count][width]
     * @param out {@link #DRAWN_BYTES} each
     */
    default void draw(
            DeviceBuffer logits,
            int width,
            DeviceBuffer requests,
            DeviceBuffer seen,
            int count,
            DeviceBuffer scratch,
            DeviceBuffer out) {
        throw new UnsupportedOperationException("draws no tokens: provider=" + name());
    }

    /**
     * Runs operations of this provider, or repeats what they did for an equal key: {@code
     * operations} must do nothing else, and nothing that depends on more than {@code key} and the
     * contents of buffers. They must not allocate, write or read buffers.
     *
     * @param key immutable, with the buffers that the operations use
     */
    default void repeat(Object key, Runnable operations) {
        operations.run();
    }

    /** Memory and time of the provider's device; null where that is the process itself. */
    default DeviceUsage usage() {
        return null;
    }

    /** What the provider's device can do; null where that is the process itself. */
    default DeviceLimits limits() {
        return null;
    }

    @Override
    void close();
}
