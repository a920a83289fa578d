// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Resources;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.tensor.BlockDecoder;
import org.millrace.engine.tensor.Tensor;

/**
 * All weights of a model in a provider's layout, and the rotary table. Shapes as (rows, columns).
 * Read-only after loading, so shared by all generators of a process.
 */
public final class Weights implements AutoCloseable {
    /**
     * One decoder layer.
     *
     * @param attentionNorm float[hidden]
     * @param query (numHeads * headDim, hidden)
     * @param key (numKvHeads * headDim, hidden)
     * @param value (numKvHeads * headDim, hidden)
     * @param attentionOutput (hidden, numHeads * headDim)
     * @param feedForwardNorm float[hidden]
     * @param gate (intermediate, hidden)
     * @param up (intermediate, hidden)
     * @param down (hidden, intermediate)
     */
    record Layer(
            DeviceBuffer attentionNorm,
            WeightMatrix query,
            WeightMatrix key,
            WeightMatrix value,
            WeightMatrix attentionOutput,
            DeviceBuffer feedForwardNorm,
            WeightMatrix gate,
            WeightMatrix up,
            WeightMatrix down) {}

    private final Resources owned = new Resources();
    private final KernelProvider kernels;
    private final ActivationType activations;
    private final WeightMatrix tokenEmbedding;
    private final List<Layer> layers = new ArrayList<>();
    private final DeviceBuffer outputNorm;
    private final WeightMatrix output;
    private final DeviceBuffer rope;
    private final int positions;

    /** Packs the tensors of {@code files}, which may be closed after. */
    public Weights(ModelFiles files, KernelProvider kernels, ActivationType activations) {
        this.kernels = kernels;
        this.activations = activations;
        try {
            tokenEmbedding = matrix(files.tensor("token_embd.weight"));
            for (int i = 0; i < files.config().numLayers(); i++) {
                String prefix = "blk." + i + ".";
                layers.add(
                        new Layer(
                                vector(files.tensor(prefix + "attn_norm.weight")),
                                matrix(files.tensor(prefix + "attn_q.weight")),
                                matrix(files.tensor(prefix + "attn_k.weight")),
                                matrix(files.tensor(prefix + "attn_v.weight")),
                                matrix(files.tensor(prefix + "attn_output.weight")),
                                vector(files.tensor(prefix + "ffn_norm.weight")),
                                matrix(files.tensor(prefix + "ffn_gate.weight")),
                                matrix(files.tensor(prefix + "ffn_up.weight")),
                                matrix(files.tensor(prefix + "ffn_down.weight"))));
            }
            outputNorm = vector(files.tensor("output_norm.weight"));
            output =
                    files.has("output.weight")
                            ? matrix(files.tensor("output.weight"))
                            : tokenEmbedding;
            rope = upload(RotaryTable.compute(files.config()));
            positions = RotaryTable.positions(files.config());
        } catch (RuntimeException | OutOfMemoryError e) {
            owned.close();
            throw e;
        }
    }

    private WeightMatrix matrix(Tensor tensor) {
        return owned.add(kernels.pack(tensor, activations));
    }

    private DeviceBuffer vector(Tensor tensor) {
        float[] row = new float[tensor.columns()];
        BlockDecoder.dequantizeRow(tensor, 0, row);
        return upload(row);
    }

    private DeviceBuffer upload(float[] values) {
        ByteBuffer host =
                ByteBuffer.allocateDirect(Float.BYTES * values.length)
                        .order(ByteOrder.LITTLE_ENDIAN);
        host.asFloatBuffer().put(values);
        DeviceBuffer buffer = owned.add(kernels.allocate(host.capacity()));
        buffer.write(0, host);
        return buffer;
    }

    /** (vocabulary, hidden). */
    WeightMatrix tokenEmbedding() {
        return tokenEmbedding;
    }

    List<Layer> layers() {
        return layers;
    }

    /** float[hidden]. */
    DeviceBuffer outputNorm() {
        return outputNorm;
    }

    /** (vocabulary, hidden); the embedding where the head is tied. */
    WeightMatrix output() {
        return output;
    }

    /** float[positions][headDim / 2][2]: cosine, sine. */
    DeviceBuffer rope() {
        return rope;
    }

    /** Positions that can be computed: the context, and some beyond for replays. */
    int positions() {
        return positions;
    }

    @Override
    public void close() {
        owned.close();
    }
}
