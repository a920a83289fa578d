// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.Arrays;
import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.Resources;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.kvcache.CacheView;

/**
 * The forward pass of a Llama-architecture decoder over a batch of rows, and its scratch memory.
 * Rows are tokens of any sequences, prefill and decode alike; the cache view says where their keys
 * and values live. One instance per generator; not thread safe; shares its weights.
 */
public final class TransformerModel implements AutoCloseable {
    private final ModelConfig config;
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
            ModelConfig config,
            Weights weights,
            KernelProvider kernels,
            int maxRows,
            int maxLogitRows) {
        this.config = config;
        this.weights = weights;
        this.kernels = kernels;
        int hidden = config.hiddenSize();
        int queryWidth = config.numHeads() * config.headDim();
        int kvWidth = config.numKvHeads() * config.headDim();
        try {
            residual = floats(maxRows, hidden);
            branch = floats(maxRows, hidden);
            normed = activations(maxRows, hidden);
            query = floats(maxRows, queryWidth);
            key = floats(maxRows, kvWidth);
            value = floats(maxRows, kvWidth);
            attended = activations(maxRows, queryWidth);
            gate = floats(maxRows, config.intermediateSize());
            up = floats(maxRows, config.intermediateSize());
            activated = activations(maxRows, config.intermediateSize());
            lastRows = floats(maxLogitRows, hidden);
            lastNormed = activations(maxLogitRows, hidden);
            logits = floats(maxLogitRows, config.vocabSize());
            kernels.reserveAttention(
                    config.numHeads(),
                    config.numKvHeads(),
                    config.headDim(),
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
                        kernels.argmax(logits, count, config.vocabSize(), best);
                    }
                };
        if (view.numRows() == view.numSequences()) {
            kernels.repeat(new Step(this, tokens, view, rowIndices, count, best), operations);
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
        if (view.changes() != null) {
            kernels.updateTables(view.changes(), view.entries());
        }
        kernels.embed(weights.tokenEmbedding(), tokens, rows, residual);
        int last = config.numLayers() - 1;
        for (int layer = 0; layer < last; layer++) {
            attentionBlock(weights.layers().get(layer), layer, view);
            feedForwardBlock(weights.layers().get(layer), residual, rows);
        }
        attentionBlock(weights.layers().get(last), last, view);
    }

    private void attentionBlock(Weights.Layer layer, int index, CacheView view) {
        int rows = view.numRows();
        WeightMatrix[] projections = {layer.query(), layer.key(), layer.value()};
        normalize(residual, layer.attentionNorm(), rows, normed, projections);
        kernels.matmul(normed, rows, projections, new DeviceBuffer[] {query, key, value});
        kernels.ropeAndStore(view, index, config.numHeads(), weights.rope(), query, key, value);
        boolean quantized = layer.attentionOutput().usesCodes();
        kernels.attend(view, index, config.numHeads(), query, quantized, attended);
        kernels.multiplyAndAdd(attended, rows, layer.attentionOutput(), residual, branch);
    }

    private void feedForwardBlock(Weights.Layer layer, DeviceBuffer x, int rows) {
        WeightMatrix[] projections = {layer.gate(), layer.up()};
        normalize(x, layer.feedForwardNorm(), rows, normed, projections);
        kernels.matmul(normed, rows, projections, new DeviceBuffer[] {gate, up});
        kernels.activate(gate, up, rows, layer.down().usesCodes(), activated);
        kernels.multiplyAndAdd(activated, rows, layer.down(), x, branch);
    }

    /**
     * Logits of some rows of the last {@link #forward}.
     *
     * @param rowIndices int[count]
     * @return float[count][vocabulary], valid until the next call
     */
    public DeviceBuffer logits(DeviceBuffer rowIndices, int count) {
        kernels.gatherRows(residual, rowIndices, count, config.hiddenSize(), lastRows);
        feedForwardBlock(weights.layers().get(config.numLayers() - 1), lastRows, count);
        WeightMatrix[] projections = {weights.output()};
        normalize(lastRows, weights.outputNorm(), count, lastNormed, projections);
        kernels.matmul(lastNormed, count, projections, new DeviceBuffer[] {logits});
        return logits;
    }

    /** Into the form that the products to come take. */
    private void normalize(
            DeviceBuffer x,
            DeviceBuffer weight,
            int rows,
            Activations out,
            WeightMatrix[] projections) {
        boolean quantized = Arrays.stream(projections).anyMatch(WeightMatrix::usesCodes);
        kernels.normalize(x, weight, config.rmsNormEps(), rows, quantized, out);
    }

    @Override
    public void close() {
        owned.close();
    }
}
