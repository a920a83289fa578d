// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.millrace.engine.model.family.Hyperparameters;
import org.millrace.engine.model.family.RopeScaling;
import org.millrace.engine.model.spec.HeadShape;
import org.millrace.engine.model.spec.RotarySpec;
import org.millrace.engine.tensor.BlockDecoder;
import org.millrace.engine.tensor.TensorType;

/**
 * Hyperparameters in the metadata of a GGUF file, with the defaults that llama.cpp has for keys
 * that are absent.
 */
final class GgufHyperparameters implements Hyperparameters {
    private static final String ROPE_DIVISORS = "rope_freqs.weight";
    private static final String LONG_DIVISORS = "rope_factors_long.weight";
    private static final String SHORT_DIVISORS = "rope_factors_short.weight";
    private static final double DEFAULT_ROPE_THETA = 10_000;

    private final String source;
    private final GgufMetadata metadata;
    private final String prefix;
    private final Map<String, StoredTensor> tensors;

    /**
     * @param prefix of its keys, the architecture and a dot
     */
    GgufHyperparameters(
            String source,
            GgufMetadata metadata,
            String prefix,
            Map<String, StoredTensor> tensors) {
        this.source = source;
        this.metadata = metadata;
        this.prefix = prefix;
        this.tensors = tensors;
    }

    /** Whether a tensor holds parameters and no weights. */
    static boolean isParameter(String tensor) {
        return List.of(ROPE_DIVISORS, LONG_DIVISORS, SHORT_DIVISORS).contains(tensor);
    }

    @Override
    public String name() {
        return metadata.stringOr("general.name", "");
    }

    @Override
    public int numLayers() {
        return metadata.size(prefix + "block_count");
    }

    @Override
    public int hiddenSize() {
        return metadata.size(prefix + "embedding_length");
    }

    @Override
    public int intermediateSize() {
        return metadata.size(prefix + "feed_forward_length");
    }

    @Override
    public HeadShape heads() {
        int numHeads = metadata.size(prefix + "attention.head_count");
        int headDim =
                metadata.sizeOr(
                        prefix + "attention.key_length", Math.max(1, hiddenSize() / numHeads));
        long valueDim = metadata.longOr(prefix + "attention.value_length", headDim);
        if (valueDim != headDim) {
            throw unsupported("", "attention.value_length", valueDim, String.valueOf(headDim));
        }
        return new HeadShape(
                numHeads, metadata.sizeOr(prefix + "attention.head_count_kv", numHeads), headDim);
    }

    @Override
    public int vocabSize() {
        StoredTensor embedding = tensors.get("token_embd.weight");
        if (embedding == null) {
            throw new ModelFormatException(source + ": tensor token_embd.weight is missing");
        }
        return embedding.rows();
    }

    @Override
    public int contextLength() {
        return metadata.size(prefix + "context_length");
    }

    @Override
    public float normEps() {
        return (float) metadata.real(prefix + "attention.layer_norm_rms_epsilon");
    }

    @Override
    public double numberOr(String huggingFace, String gguf, double fallback) {
        Object value = metadata.values().get(prefix + gguf);
        return value instanceof Long integer ? integer : metadata.realOr(prefix + gguf, fallback);
    }

    @Override
    public boolean booleanOr(String huggingFace, String gguf, boolean fallback) {
        return metadata.booleanOr(prefix + gguf, fallback);
    }

    @Override
    public String textOr(String huggingFace, String gguf, String fallback) {
        return metadata.stringOr(prefix + gguf, fallback);
    }

    @Override
    public List<Double> numbers(String huggingFace, String gguf) {
        return metadata.has(prefix + gguf) ? metadata.array(prefix + gguf).numbers() : List.of();
    }

    @Override
    public boolean has(String tensor) {
        return tensors.containsKey(tensor);
    }

    @Override
    public RotarySpec rotary(double fraction) {
        int headDim = heads().headDim();
        int dimensions = metadata.sizeOr(prefix + "rope.dimension_count", headDim);
        if (dimensions > headDim) {
            throw unsupported("", "rope.dimension_count", dimensions, "up to " + headDim);
        }
        RotarySpec plain =
                RotarySpec.of(dimensions, numberOr("", "rope.freq_base", DEFAULT_ROPE_THETA));
        double factor = numberOr("", "rope.scaling.factor", numberOr("", "rope.scale_linear", 1));
        // Without a type llama.cpp scales linearly, by a factor of 0 not at all.
        String type =
                metadata.stringOr(
                        prefix + "rope.scaling.type",
                        factor == 0 || factor == 1 ? "none" : "linear");
        RotarySpec scaled =
                switch (type) {
                    case "none", "llama3" -> withDivisors(plain, 1);
                    case "linear" -> withDivisors(plain.linear(factor), factor);
                    case "yarn" -> yarn(plain, factor);
                    case "longrope" -> withDivisors(plain, 1);
                    default ->
                            throw unsupported(
                                    "",
                                    "rope.scaling.type",
                                    type,
                                    "none, linear, yarn, longrope, llama3");
                };
        return SpecCheck.rotary(source, scaled);
    }

    @Override
    public RotarySpec windowRotary(double theta) {
        int dimensions = metadata.sizeOr(prefix + "rope.dimension_count", heads().headDim());
        return SpecCheck.rotary(
                source, RotarySpec.of(dimensions, numberOr("", "rope.freq_base_swa", theta)));
    }

    @Override
    public boolean hasWindow(int layer, int period) {
        Object pattern = metadata.values().get(prefix + "attention.sliding_window_pattern");
        if (pattern instanceof GgufArray array) {
            return layer < array.count() && array.numbers().get(layer) != 0;
        }
        int of = pattern instanceof Long given ? Math.toIntExact(given) : period;
        return layer % of < of - 1;
    }

    /** With the divisors that tensors hold, each times {@code factor}. */
    private RotarySpec withDivisors(RotarySpec rotary, double factor) {
        if (tensors.containsKey(LONG_DIVISORS)) {
            boolean isLong = contextLength() > originalContext();
            return rotary.withDivisors(
                            divisors(isLong ? LONG_DIVISORS : SHORT_DIVISORS, rotary, factor))
                    .withMagnitude(numberOr("", "rope.scaling.attn_factor", 1));
        }
        return tensors.containsKey(ROPE_DIVISORS)
                ? rotary.withDivisors(divisors(ROPE_DIVISORS, rotary, factor))
                : rotary;
    }

    private double originalContext() {
        return numberOr("", "rope.scaling.original_context_length", contextLength());
    }

    private RotarySpec yarn(RotarySpec rotary, double factor) {
        double extrapolation = numberOr("", "rope.scaling.yarn_ext_factor", 1);
        if (extrapolation != 1) {
            throw unsupported("", "rope.scaling.yarn_ext_factor", extrapolation, "1");
        }
        RopeScaling.Yarn yarn =
                new RopeScaling.Yarn(
                        factor,
                        originalContext(),
                        numberOr("", "rope.scaling.yarn_beta_fast", 32),
                        numberOr("", "rope.scaling.yarn_beta_slow", 1),
                        true);
        double weight = numberOr("", "rope.scaling.yarn_log_multiplier", 0);
        double magnitude = yarn.magnitude(1) / (weight == 0 ? 1 : yarn.magnitude(weight));
        double attention =
                numberOr(
                        "",
                        "rope.scaling.yarn_attn_factor",
                        numberOr("", "rope.scaling.attn_factor", 1));
        return RopeScaling.yarn(rotary, yarn).withMagnitude(attention * magnitude);
    }

    private List<Double> divisors(String name, RotarySpec rotary, double factor) {
        StoredTensor stored = tensors.get(name);
        if (stored.type() != TensorType.F32
                || stored.rows() != 1
                || 2 * stored.columns() != rotary.dimensions()) {
            throw new ModelFormatException(
                    source
                            + ": tensor "
                            + name
                            + " is "
                            + stored.rows()
                            + " x "
                            + stored.columns()
                            + " "
                            + stored.type()
                            + ", expected 1 x "
                            + rotary.dimensions() / 2
                            + " F32");
        }
        float[] row = new float[stored.columns()];
        BlockDecoder.dequantizeRow(stored.map(), 0, row);
        List<Double> divisors = new ArrayList<>(row.length);
        for (float divisor : row) {
            divisors.add(divisor * factor);
        }
        return Collections.unmodifiableList(divisors);
    }

    @Override
    public RuntimeException unsupported(
            String huggingFace, String gguf, Object value, String supported) {
        return new ModelFormatException(
                source + ": " + prefix + gguf + "=" + value + ", supported=" + supported);
    }
}
