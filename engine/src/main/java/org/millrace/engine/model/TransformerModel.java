// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import static org.millrace.engine.model.spec.Projection.ATTENTION_OUTPUT;
import static org.millrace.engine.model.spec.Projection.DOWN;
import static org.millrace.engine.model.spec.Projection.GATE;
import static org.millrace.engine.model.spec.Projection.KEY;
import static org.millrace.engine.model.spec.Projection.QUERY;
import static org.millrace.engine.model.spec.Projection.UP;
import static org.millrace.engine.model.spec.Projection.VALUE;

import java.util.Arrays;
import java.util.List;
import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.AttentionParams;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Resources;
import org.millrace.engine.kernels.Rotation;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.model.spec.Norm;
import org.millrace.engine.model.spec.Projection;

/**
 * The forward pass of a decoder over a batch of rows, as its specification says, and its scratch
 * memory. Rows are tokens of any sequences, prefill and decode alike; the cache view says where
 * their keys and values live. One instance per generator; not thread safe; shares its weights.
 */
public final class TransformerModel implements AutoCloseable {
    private final ModelSpec spec;
    private final Weights weights;
    private final KernelProvider kernels;
    private final Resources owned = new Resources();

    private final DeviceBuffer residual; // float[maxRows][hidden]
    private final DeviceBuffer branch; // float[maxRows][hidden]
    private final Activations normed; // [maxRows][hidden]
    private final DeviceBuffer query; // float[maxRows][numHeads * headDim]
    private final DeviceBuffer key; // float[maxRows][numKvHeads * headDim]
    private final DeviceBuffer value; // float[maxRows][numKvHeads * headDim]
    private final Activations attended; // [maxRows][numHeads * headDim]
    private final DeviceBuffer gate; // float[maxRows][intermediate]
    private final DeviceBuffer up; // float[maxRows][intermediate]
    private final Activations activated; // [maxRows][intermediate]
    private final DeviceBuffer lastRows; // float[maxLogitRows][hidden]
    private final Activations lastNormed; // [maxLogitRows][hidden]
    private final DeviceBuffer logits; // float[maxLogitRows][vocabulary]

    /**
     * @param maxRows most rows of a batch
     * @param maxLogitRows most rows whose logits are asked for
     */
    public TransformerModel(
            ModelSpec spec,
            Weights weights,
            KernelProvider kernels,
            int maxRows,
            int maxLogitRows) {
        this.spec = spec;
        this.weights = weights;
        this.kernels = kernels;
        int hidden = spec.hiddenSize();
        int queryWidth = spec.numHeads() * spec.headDim();
        int intermediate = spec.intermediateSize();
        int kvWidth = spec.numKvHeads() * spec.headDim();
        try {
            residual = floats(maxRows, hidden);
            branch = floats(maxRows, hidden);
            normed = activations(maxRows, hidden);
            query = floats(maxRows, queryWidth);
            key = floats(maxRows, kvWidth);
            value = floats(maxRows, kvWidth);
            attended = activations(maxRows, queryWidth);
            gate = floats(maxRows, intermediate);
            up = floats(maxRows, intermediate);
            activated = activations(maxRows, intermediate);
            lastRows = floats(maxLogitRows, hidden);
            lastNormed = activations(maxLogitRows, hidden);
            logits = floats(maxLogitRows, spec.vocabSize());
            kernels.reserveAttention(
                    spec.numHeads(),
                    spec.numKvHeads(),
                    spec.headDim(),
                    maxRows,
                    weights.positions());
        } catch (OutOfMemoryError e) {
            owned.close();
            throw e;
        }
    }

    private DeviceBuffer floats(int rows, int width) {
        return owned.add(kernels.allocate((long) Float.BYTES * rows * width));
    }

    private Activations activations(int rows, int width) {
        return owned.add(Activations.allocate(kernels, rows, width));
    }

    /**
     * A step of generation: {@link #forward}, then {@link #logits} of some rows and the index of
     * the largest of each. Steps with one row a sequence, buffers and sizes of an earlier one are
     * repeated as a whole by providers that can.
     *
     * @param tokens int[view.numRows()]
     * @param rowIndices int[count]
     * @param best int[count], the indices, -1 where logits are not finite
     * @return float[count][vocabulary], valid until the next call
     */
    public DeviceBuffer step(
            DeviceBuffer tokens,
            CacheView view,
            DeviceBuffer rowIndices,
            int count,
            DeviceBuffer best) {
        Runnable operations =
                () -> {
                    forward(tokens, view);
                    if (count > 0) {
                        logits(rowIndices, count);
                        kernels.argmax(logits, count, spec.vocabSize(), best);
                    }
                };
        if (view.numRows() == view.numSequences()) {
            int positions = weights.rotaryTables().reach(view.endPosition());
            kernels.repeat(
                    new Step(this, tokens, view, positions, rowIndices, count, best), operations);
        } else {
            operations.run();
        }
        return logits;
    }

    /** All that the operations of a step depend on. */
    private record Step(
            TransformerModel model,
            DeviceBuffer tokens,
            CacheView view,
            int positions,
            DeviceBuffer rowIndices,
            int count,
            DeviceBuffer best) {}

    /**
     * Runs all layers over the rows of {@code view}: their keys and values are in the cache after.
     * The last feed-forward block is left to {@link #logits}: only its rows need it.
     *
     * @param tokens int[view.numRows()]
     */
    public void forward(DeviceBuffer tokens, CacheView view) {
        int rows = view.numRows();
        weights.rotaryTables().reach(view.endPosition());
        if (view.changes() != null) {
            kernels.updateTables(view.changes(), view.entries());
        }
        kernels.embed(weights.tokenEmbedding(), tokens, rows, residual);
        if (spec.embeddingScale() != 1) {
            kernels.scale(residual, spec.embeddingScale(), rows * spec.hiddenSize());
        }
        int last = spec.numLayers() - 1;
        for (int layer = 0; layer < last; layer++) {
            attentionBlock(layer, view);
            feedForwardBlock(layer, residual, rows);
        }
        attentionBlock(last, view);
    }

    private void attentionBlock(int index, CacheView view) {
        Weights.Layer layer = weights.layers().get(index);
        int rows = view.numRows();
        Activations in = input(layer, Norm.ATTENTION, residual, rows, QUERY, KEY, VALUE);
        project(layer, in, rows, List.of(QUERY, KEY, VALUE), List.of(query, key, value));
        rotateAndStore(layer, index, view);
        boolean quantized = layer.matrix(ATTENTION_OUTPUT).usesCodes();
        kernels.attend(view, index, layer.attention(), query, quantized, attended);
        addBranch(layer, ATTENTION_OUTPUT, Norm.POST_ATTENTION, attended, rows, residual);
    }

    private void feedForwardBlock(int index, DeviceBuffer x, int rows) {
        Weights.Layer layer = weights.layers().get(index);
        Activations in = input(layer, Norm.FEED_FORWARD, x, rows, GATE, UP);
        project(layer, in, rows, List.of(GATE, UP), List.of(gate, up));
        boolean quantized = layer.matrix(DOWN).usesCodes();
        kernels.activate(layer.spec().gate(), gate, up, rows, quantized, activated);
        addBranch(layer, DOWN, Norm.POST_FEED_FORWARD, activated, rows, x);
    }

    /**
     * What a block reads: {@code x}, normalised where the layer does, in the form of its products.
     */
    private Activations input(
            Weights.Layer layer, Norm norm, DeviceBuffer x, int rows, Projection... projections) {
        boolean quantized = Arrays.stream(projections).anyMatch(p -> layer.matrix(p).usesCodes());
        if (layer.has(norm)) {
            kernels.normalize(x, layer.norm(norm), spec.normEps(), rows, quantized, normed);
            return normed;
        }
        Activations plain = normed.withValues(x);
        if (quantized) {
            kernels.quantize(plain, rows);
        }
        return plain;
    }

    /** Products, and biases where there are. */
    private void project(
            Weights.Layer layer,
            Activations in,
            int rows,
            List<Projection> projections,
            List<DeviceBuffer> outs) {
        WeightMatrix[] matrices =
                projections.stream().map(layer::matrix).toArray(WeightMatrix[]::new);
        kernels.matmul(in, rows, matrices, outs.toArray(new DeviceBuffer[0]));
        for (int i = 0; i < matrices.length; i++) {
            addBias(layer, projections.get(i), outs.get(i), rows);
        }
    }

    private void addBias(Weights.Layer layer, Projection projection, DeviceBuffer x, int rows) {
        if (layer.spec().biases().contains(projection)) {
            int width = layer.matrix(projection).rows();
            kernels.addBias(x, layer.biases().get(projection), rows, width);
        }
    }

    /**
     * Normalises queries and keys where the layer does, rotates them, and stores keys and values.
     */
    private void rotateAndStore(Weights.Layer layer, int index, CacheView view) {
        Rotation rotation = weights.rotaryTables().of(layer.spec().attention().rotary());
        switch (layer.spec().attention().headNorm()) {
            case NONE -> {}
            case EACH_HEAD -> normalizeEachHead(layer, view.numRows());
            case ALL_HEADS -> {
                normalizeRows(layer, Norm.QUERY, query, view.numRows(), spec.heads().queryWidth());
                normalizeRows(layer, Norm.KEY, key, view.numRows(), spec.heads().keyWidth());
            }
            case EACH_HEAD_ROTATED -> {
                kernels.rotate(
                        view, rotation.queries(), rotation.dimensions(), spec.numHeads(), query);
                kernels.rotate(
                        view, rotation.keys(), rotation.dimensions(), spec.numKvHeads(), key);
                normalizeEachHead(layer, view.numRows());
                rotation = rotation.done();
            }
        }
        kernels.ropeAndStore(view, index, layer.attention(), rotation, query, key, value);
    }

    private void normalizeEachHead(Weights.Layer layer, int rows) {
        normalizeRows(layer, Norm.QUERY, query, rows * spec.numHeads(), spec.headDim());
        normalizeRows(layer, Norm.KEY, key, rows * spec.numKvHeads(), spec.headDim());
    }

    private void normalizeRows(
            Weights.Layer layer, Norm norm, DeviceBuffer x, int rows, int width) {
        kernels.rmsNorm(x, layer.norm(norm), spec.normEps(), rows, width, x);
    }

    /** Product of a block with its last matrix, added to {@code sum} as the layer says. */
    private void addBranch(
            Weights.Layer layer,
            Projection projection,
            Norm norm,
            Activations in,
            int rows,
            DeviceBuffer sum) {
        WeightMatrix matrix = layer.matrix(projection);
        float scale = layer.spec().residualScale();
        if (!layer.has(norm) && !layer.spec().biases().contains(projection) && scale == 1) {
            kernels.multiplyAndAdd(in, rows, matrix, sum, branch);
            return;
        }
        project(layer, in, rows, List.of(projection), List.of(branch));
        if (layer.has(norm)) {
            int width = spec.hiddenSize();
            kernels.rmsNorm(branch, layer.norm(norm), spec.normEps(), rows, width, branch);
        }
        if (scale != 1) {
            kernels.scale(branch, scale, rows * spec.hiddenSize());
        }
        kernels.add(sum, branch, rows * spec.hiddenSize());
    }

    /**
     * Logits of some rows of the last {@link #forward}.
     *
     * @param rowIndices int[count]
     * @return float[count][vocabulary], valid until the next call
     */
    public DeviceBuffer logits(DeviceBuffer rowIndices, int count) {
        kernels.gatherRows(residual, rowIndices, count, spec.hiddenSize(), lastRows);
        feedForwardBlock(spec.numLayers() - 1, lastRows, count);
        boolean quantized = weights.output().usesCodes();
        kernels.normalize(
                lastRows, weights.outputNorm(), spec.normEps(), count, quantized, lastNormed);
        WeightMatrix[] output = {weights.output()};
        kernels.matmul(lastNormed, count, output, new DeviceBuffer[] {logits});
        if (spec.logitScale() != 1) {
            kernels.scale(logits, spec.logitScale(), count * spec.vocabSize());
        }
        if (spec.logitSoftCap() != AttentionParams.NO_CAP) {
            kernels.softCap(logits, spec.logitSoftCap(), count * spec.vocabSize());
        }
        return logits;
    }

    @Override
    public void close() {
        owned.close();
    }
}
