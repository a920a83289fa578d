// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.LinkedHashMap;
import java.util.Map;
import org.millrace.engine.model.spec.HeadNorm;
import org.millrace.engine.model.spec.LayerSpec;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.model.spec.Norm;
import org.millrace.engine.model.spec.Projection;

/** Which tensors a model has, under their GGUF names, and their shapes. */
final class ModelTensors {
    static final String OUTPUT = "output.weight";

    /** Rows and columns; a vector has one row. */
    record Shape(int rows, int columns) {}

    private ModelTensors() {}

    /** Shapes of all tensors that must be there: all but a separate output head. */
    static Map<String, Shape> required(ModelSpec spec) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put("token_embd.weight", new Shape(spec.vocabSize(), spec.hiddenSize()));
        for (int i = 0; i < spec.numLayers(); i++) {
            LayerSpec layer = spec.layers().get(i);
            for (Norm norm : layer.norms()) {
                shapes.put(norm.weight(i), new Shape(1, width(spec, layer, norm)));
            }
            for (Projection projection : Projection.values()) {
                Shape shape = shape(spec, layer, projection);
                shapes.put(projection.weight(i), shape);
                if (layer.biases().contains(projection)) {
                    shapes.put(projection.bias(i), new Shape(1, shape.rows()));
                }
            }
        }
        shapes.put("output_norm.weight", new Shape(1, spec.hiddenSize()));
        return shapes;
    }

    private static int width(ModelSpec spec, LayerSpec layer, Norm norm) {
        boolean areTogether = layer.attention().headNorm() == HeadNorm.ALL_HEADS;
        return switch (norm) {
            case QUERY -> areTogether ? spec.heads().queryWidth() : spec.headDim();
            case KEY -> areTogether ? spec.heads().keyWidth() : spec.headDim();
            default -> spec.hiddenSize();
        };
    }

    private static Shape shape(ModelSpec spec, LayerSpec layer, Projection projection) {
        int hidden = spec.hiddenSize();
        return switch (projection) {
            case QUERY -> new Shape(spec.heads().queryWidth(), hidden);
            case KEY, VALUE -> new Shape(spec.heads().keyWidth(), hidden);
            case ATTENTION_OUTPUT -> new Shape(hidden, spec.heads().queryWidth());
            case GATE, UP -> new Shape(layer.intermediateSize(), hidden);
            case DOWN -> new Shape(hidden, layer.intermediateSize());
        };
    }

    /**
     * Checks that {@code tensors} are those of {@code spec} and no others: a tensor that would be
     * left out of the computation (a bias, an expert) changes the model's output, so it is refused.
     *
     * @param source named in errors
     */
    static void check(String source, ModelSpec spec, Map<String, StoredTensor> tensors) {
        Map<String, Shape> shapes = required(spec);
        for (String name : shapes.keySet()) {
            if (!tensors.containsKey(name)) {
                throw new ModelFormatException(source + ": tensor " + name + " is missing");
            }
        }
        shapes.put(OUTPUT, new Shape(spec.vocabSize(), spec.hiddenSize()));
        for (StoredTensor tensor : tensors.values()) {
            Shape shape = shapes.get(tensor.name());
            if (shape == null) {
                throw new ModelFormatException(
                        source
                                + ": tensor "
                                + tensor.name()
                                + " belongs to nothing that models of architecture="
                                + spec.architecture()
                                + " are known to compute");
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

    /** Before layers are made of it: a damaged layer count cannot ask for billions. */
    static void checkLayerCount(String source, int numLayers, Map<String, StoredTensor> tensors) {
        if (numLayers > tensors.size()) {
            throw new ModelFormatException(
                    source
                            + ": tensor blk."
                            + (numLayers - 1)
                            + ".attn_q.weight is missing, and more: layers="
                            + numLayers
                            + ", tensors="
                            + tensors.size());
        }
    }
}
