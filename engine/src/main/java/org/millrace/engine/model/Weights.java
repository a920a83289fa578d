// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Resources;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.model.spec.AttentionSpec;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.Norm;
import org.millrace.engine.model.spec.Projection;
import org.millrace.engine.tensor.BlockDecoder;
import org.millrace.engine.tensor.Tensor;

/**
 * All weights of a model in a provider's layout, and the rotary tables. Shapes as (rows, columns).
 * Read-only after loading, so shared by all generators of a process.
 */
public final class Weights implements AutoCloseable {
    /**
     * One decoder layer.
     *
     * @param matrices as {@link ModelTensors} gives their shapes
     * @param biases float[rows] of the projections that have one
     * @param norms float[width] of the norms that there are
     */
    record Layer(
            LayerSpec spec,
            Map<Projection, WeightMatrix> matrices,
            Map<Projection, DeviceBuffer> biases,
            Map<Norm, DeviceBuffer> norms,
            AttentionParams attention) {
        WeightMatrix matrix(Projection projection) {
            return matrices.get(projection);
        }

        boolean has(Norm norm) {
            return spec.norms().contains(norm);
        }

        DeviceBuffer norm(Norm norm) {
            return norms.get(norm);
        }
    }

    private final Resources owned = new Resources();
    private final KernelProvider kernels;
    private final ActivationType activations;
    private final WeightMatrix tokenEmbedding;
    private final List<Layer> layers = new ArrayList<>();
    private final DeviceBuffer outputNorm;
    private final WeightMatrix output;
    private final RotaryTables rotaryTables;
    private final DeviceBuffer noSinks;
    private final int positions;

    /** Packs the tensors of {@code files}, which may be closed after. */
    public Weights(ModelFiles files, KernelProvider kernels, ActivationType activations) {
        this.kernels = kernels;
        this.activations = activations;
        try {
            tokenEmbedding = matrix(files.tensor("token_embd.weight"));
            positions = RotaryTable.positions(files.spec());
            rotaryTables =
                    owned.add(
                            new RotaryTables(
                                    files.spec().layers().stream()
                                            .map(layer -> layer.attention().rotary())
                                            .toList(),
                                    kernels,
                                    positions));
            noSinks = owned.add(AttentionParams.noSinks(kernels, files.spec().numHeads()));
            for (int i = 0; i < files.spec().numLayers(); i++) {
                layers.add(layer(files, i));
            }
            outputNorm = vector(files.tensor("output_norm.weight"));
            output =
                    files.has("output.weight")
                            ? matrix(files.tensor("output.weight"))
                            : tokenEmbedding;
        } catch (RuntimeException | OutOfMemoryError e) {
            owned.close();
            throw e;
        }
    }

    private Layer layer(ModelFiles files, int index) {
        LayerSpec spec = files.spec().layers().get(index);
        Map<Projection, WeightMatrix> matrices = new EnumMap<>(Projection.class);
        Map<Projection, DeviceBuffer> biases = new EnumMap<>(Projection.class);
        Map<Norm, DeviceBuffer> norms = new EnumMap<>(Norm.class);
        for (Projection projection : Projection.values()) {
            matrices.put(projection, matrix(files.tensor(projection.weight(index))));
        }
        for (Projection projection : spec.biases()) {
            biases.put(projection, vector(files.tensor(projection.bias(index))));
        }
        for (Norm norm : spec.norms()) {
            norms.put(norm, vector(files.tensor(norm.weight(index))));
        }
        AttentionSpec attention = spec.attention();
        return new Layer(
                spec,
                matrices,
                biases,
                norms,
                new AttentionParams(
                        files.spec().numHeads(),
                        attention.scale(),
                        attention.window(),
                        attention.softCap(),
                        noSinks));
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

    RotaryTables rotaryTables() {
        return rotaryTables;
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
