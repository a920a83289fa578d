package org.millrace.engine.model;

import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
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
    private final List<AutoCloseable> owned = new ArrayList<>();

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
    }

    private DeviceBuffer floats(int rows, int width) {
        DeviceBuffer buffer = kernels.allocate((long) Float.BYTES * rows * width);
        owned.add(buffer);
        return buffer;
    }

    private Activations activations(int rows, int width) {
        Activations activations = Activations.allocate(kernels, rows, width);
        owned.add(activations);
        return activations;
    }

    /**
     * Runs all layers over the rows of {@code view}: their keys and values are in the cache after.
     *
     * @param tokens int[view.numRows()]
     */
    public void forward(DeviceBuffer tokens, CacheView view) {
        int rows = view.numRows();
        kernels.embed(weights.tokenEmbedding(), tokens, rows, residual);
        for (int layer = 0; layer < config.numLayers(); layer++) {
            attentionBlock(weights.layers().get(layer), layer, view);
            feedForwardBlock(weights.layers().get(layer), rows);
        }
    }

    private void attentionBlock(Weights.Layer layer, int index, CacheView view) {
        int rows = view.numRows();
        normalize(residual, layer.attentionNorm(), rows, normed);
        multiply(
                normed,
                rows,
                new WeightMatrix[] {layer.query(), layer.key(), layer.value()},
                new DeviceBuffer[] {query, key, value});
        kernels.ropeAndStore(view, index, config.numHeads(), weights.rope(), query, key, value);
        kernels.attention(view, index, config.numHeads(), query, attended.values());
        multiply(attended, rows, layer.attentionOutput(), branch);
        kernels.add(residual, branch, rows * config.hiddenSize());
    }

    private void feedForwardBlock(Weights.Layer layer, int rows) {
        normalize(residual, layer.feedForwardNorm(), rows, normed);
        multiply(
                normed,
                rows,
                new WeightMatrix[] {layer.gate(), layer.up()},
                new DeviceBuffer[] {gate, up});
        kernels.swiGlu(gate, up, rows * config.intermediateSize(), activated.values());
        multiply(activated, rows, layer.down(), branch);
        kernels.add(residual, branch, rows * config.hiddenSize());
    }

    /**
     * Logits of some rows of the last {@link #forward}.
     *
     * @param rowIndices int[count]
     * @return float[count][vocabulary], valid until the next call
     */
    public DeviceBuffer logits(DeviceBuffer rowIndices, int count) {
        kernels.gatherRows(residual, rowIndices, count, config.hiddenSize(), lastRows);
        normalize(lastRows, weights.outputNorm(), count, lastNormed);
        multiply(lastNormed, count, weights.output(), logits);
        return logits;
    }

    private void normalize(DeviceBuffer x, DeviceBuffer weight, int rows, Activations out) {
        kernels.rmsNorm(x, weight, config.rmsNormEps(), rows, config.hiddenSize(), out.values());
    }

    private void multiply(Activations in, int rows, WeightMatrix matrix, DeviceBuffer out) {
        multiply(in, rows, new WeightMatrix[] {matrix}, new DeviceBuffer[] {out});
    }

    private void multiply(Activations in, int rows, WeightMatrix[] matrices, DeviceBuffer[] outs) {
        for (WeightMatrix matrix : matrices) {
            if (matrix.usesCodes()) {
                kernels.quantize(in, rows);
                break;
            }
        }
        kernels.matmul(in, rows, matrices, outs);
    }

    @Override
    public void close() {
        for (AutoCloseable resource : owned) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException("closing scratch memory", e);
            }
        }
    }
}
