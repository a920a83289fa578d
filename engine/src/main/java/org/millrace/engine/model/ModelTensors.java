// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.LinkedHashMap;
import java.util.Map;

/** Which tensors a Llama model has, under their GGUF names, and their shapes. */
final class ModelTensors {
    static final String OUTPUT = "output.weight";

    /** Rows and columns; a vector has one row. */
    record Shape(int rows, int columns) {}

    private ModelTensors() {}

    /** Shapes of all tensors that must be there: all but a separate output head. */
    static Map<String, Shape> required(ModelConfig config) {
        int hidden = config.hiddenSize();
        int queries = config.numHeads() * config.headDim();
        int keys = config.numKvHeads() * config.headDim();
        Map<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put("token_embd.weight", new Shape(config.vocabSize(), hidden));
        for (int i = 0; i < config.numLayers(); i++) {
            String layer = "blk." + i + ".";
            shapes.put(layer + "attn_norm.weight", new Shape(1, hidden));
            shapes.put(layer + "attn_q.weight", new Shape(queries, hidden));
            shapes.put(layer + "attn_k.weight", new Shape(keys, hidden));
            shapes.put(layer + "attn_v.weight", new Shape(keys, hidden));
            shapes.put(layer + "attn_output.weight", new Shape(hidden, queries));
            shapes.put(layer + "ffn_norm.weight", new Shape(1, hidden));
            shapes.put(layer + "ffn_gate.weight", new Shape(config.intermediateSize(), hidden));
            shapes.put(layer + "ffn_up.weight", new Shape(config.intermediateSize(), hidden));
            shapes.put(layer + "ffn_down.weight", new Shape(hidden, config.intermediateSize()));
        }
        shapes.put("output_norm.weight", new Shape(1, hidden));
        return shapes;
    }

    /**
     * Checks that {@code tensors} are those of {@code config} and no others: a tensor that would be
     * left out of the computation (a bias, an expert) changes the model's output, so it is refused.
     *
     * @param source named in errors
     */
    static void check(String source, ModelConfig config, Map<String, StoredTensor> tensors) {
        checkLayerCount(source, config, tensors);
        Map<String, Shape> shapes = required(config);
        for (String name : shapes.keySet()) {
            if (!tensors.containsKey(name)) {
                throw new ModelFormatException(source + ": tensor " + name + " is missing");
            }
        }
        shapes.put(OUTPUT, new Shape(config.vocabSize(), config.hiddenSize()));
        for (StoredTensor tensor : tensors.values()) {
            Shape shape = shapes.get(tensor.name());
            if (shape == null) {
                throw new ModelFormatException(
                        source
                                + ": tensor "
                                + tensor.name()
                                + " belongs to a feature that is not supported (attention biases,"
                                + " experts and other variants of the Llama architecture are not)");
            }
            if (tensor.rows() != shape.rows() || tensor.columns() != shape.columns()) {
                throw new ModelFormatException(
                        source
                                + ": tensor "
                                + tensor.name()
                                + " is "
                                + tensor.rows()
                                + " x "
                                + tensor.columns()
                                + ", the hyperparameters ask for "
                                + shape.rows()
                                + " x "
                                + shape.columns());
            }
        }
    }

    /** First, so that a damaged layer count cannot ask for billions of names. */
    private static void checkLayerCount(
            String source, ModelConfig config, Map<String, StoredTensor> tensors) {
        if (config.numLayers() > tensors.size()) {
            throw new ModelFormatException(
                    source
                            + ": tensor blk."
                            + (config.numLayers() - 1)
                            + ".attn_q.weight is missing, and more: layers="
                            + config.numLayers()
                            + ", tensors="
                            + tensors.size());
        }
    }
}
