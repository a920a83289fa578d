// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.millrace.engine.model.family.Hyperparameters;
import org.millrace.engine.model.family.RopeScaling;
import org.millrace.engine.model.spec.HeadShape;
import org.millrace.engine.model.spec.RotarySpec;

/** Hyperparameters in a config.json, with the defaults that transformers has for absent fields. */
final class HuggingFaceHyperparameters implements Hyperparameters {
    private static final double DEFAULT_ROPE_THETA = 10_000;
    private static final String ROPE = "rope_parameters";

    /** Kinds of layers, in {@code layer_types} and where rotary parameters differ by it. */
    private static final String FULL = "full_attention";

    private static final String SLIDING = "sliding_attention";

    private final String source;
    private final JsonFile json;
    private final Map<String, StoredTensor> tensors;

    HuggingFaceHyperparameters(String source, JsonFile json, Map<String, StoredTensor> tensors) {
        this.source = source;
        this.json = json;
        this.tensors = tensors;
    }

    @Override
    public String name() {
        return json.stringOr("_name_or_path", "");
    }

    @Override
    public int numLayers() {
        return json.size("num_hidden_layers");
    }

    @Override
    public int hiddenSize() {
        return json.size("hidden_size");
    }

    @Override
    public int intermediateSize() {
        return json.size("intermediate_size");
    }

    @Override
    public HeadShape heads() {
        int numHeads = json.size("num_attention_heads");
        return new HeadShape(
                numHeads,
                json.sizeOr("num_key_value_heads", numHeads),
                json.sizeOr("head_dim", Math.max(1, hiddenSize() / numHeads)));
    }

    @Override
    public int vocabSize() {
        return json.size("vocab_size");
    }

    @Override
    public int contextLength() {
        return json.size("max_position_embeddings");
    }

    @Override
    public float normEps() {
        return (float) json.real("rms_norm_eps");
    }

    /** A field of the root, or of the rotary parameters after a dot. */
    private JsonNode node(String field) {
        return field.startsWith(ROPE + ".")
                ? rope().path(field.substring(ROPE.length() + 1))
                : json.get(field);
    }

    /** {@code rope_parameters} since transformers 5, {@code rope_scaling} before. */
    private JsonNode rope() {
        JsonNode parameters = json.get(ROPE);
        if (parameters.path(FULL).isObject()) {
            return parameters.path(FULL);
        }
        return parameters.isObject() ? parameters : json.get("rope_scaling");
    }

    @Override
    public double numberOr(String huggingFace, String gguf, double fallback) {
        JsonNode node = node(huggingFace);
        if (node.isMissingNode() || node.isNull()) {
            return fallback;
        }
        if (!node.isNumber()) {
            throw unsupported(huggingFace, gguf, node, "a number");
        }
        return node.doubleValue();
    }

    @Override
    public boolean booleanOr(String huggingFace, String gguf, boolean fallback) {
        return json.booleanOr(huggingFace, fallback);
    }

    @Override
    public String textOr(String huggingFace, String gguf, String fallback) {
        return json.stringOr(huggingFace, fallback);
    }

    @Override
    public List<Double> numbers(String huggingFace, String gguf) {
        List<Double> numbers = new ArrayList<>();
        for (JsonNode node : node(huggingFace)) {
            if (!node.isNumber() && !node.isBoolean()) {
                throw unsupported(huggingFace, gguf, node, "numbers");
            }
            numbers.add(node.isBoolean() ? node.booleanValue() ? 1 : 0 : node.doubleValue());
        }
        return numbers;
    }

    @Override
    public boolean has(String tensor) {
        return tensors.containsKey(tensor);
    }

    @Override
    public RotarySpec rotary(double fraction) {
        double rotated =
                numberOr(
                        ROPE + ".partial_rotary_factor",
                        "",
                        numberOr("partial_rotary_factor", "", fraction));
        if (!(rotated > 0 && rotated <= 1)) {
            throw unsupported("partial_rotary_factor", "", rotated, "above 0, up to 1");
        }
        RotarySpec plain =
                RotarySpec.of(
                        (int) (heads().headDim() * rotated),
                        numberOr(
                                ROPE + ".rope_theta",
                                "",
                                numberOr("rope_theta", "", DEFAULT_ROPE_THETA)));
        JsonNode rope = rope();
        String type = rope.path("rope_type").asText(rope.path("type").asText("default"));
        RotarySpec scaled =
                switch (type) {
                    case "default" -> plain;
                    case "linear" -> plain.linear(json.real(rope, "factor"));
                    case "llama3" ->
                            RopeScaling.llama3(
                                    plain,
                                    json.real(rope, "factor"),
                                    json.real(rope, "low_freq_factor"),
                                    json.real(rope, "high_freq_factor"),
                                    json.real(rope, "original_max_position_embeddings"));
                    case "yarn" -> yarn(plain, rope);
                    case "longrope" -> longRope(plain);
                    default ->
                            throw unsupported(
                                    ROPE + ".rope_type",
                                    "",
                                    type,
                                    "default, linear, llama3, yarn, longrope");
                };
        return SpecCheck.rotary(source, scaled);
    }

    @Override
    public RotarySpec windowRotary(double theta) {
        JsonNode own = json.get(ROPE).path(SLIDING).path("rope_theta");
        double local = numberOr("rope_local_base_freq", "", theta);
        return SpecCheck.rotary(
                source,
                RotarySpec.of(heads().headDim(), own.isNumber() ? own.doubleValue() : local));
    }

    @Override
    public boolean hasWindow(int layer, int period) {
        JsonNode types = json.get("layer_types");
        if (types.isArray()) {
            String type = types.path(layer).asText();
            if (!type.equals(FULL) && !type.equals(SLIDING)) {
                throw unsupported("layer_types", "", type, FULL + ", " + SLIDING);
            }
            return type.equals(SLIDING);
        }
        int of = json.sizeOr("sliding_window_pattern", period);
        return layer % of < of - 1;
    }

    private double originalContext() {
        return numberOr(
                ROPE + ".original_max_position_embeddings",
                "",
                numberOr("original_max_position_embeddings", "", contextLength()));
    }

    private RotarySpec yarn(RotarySpec rotary, JsonNode rope) {
        RopeScaling.Yarn yarn =
                new RopeScaling.Yarn(
                        json.real(rope, "factor"),
                        originalContext(),
                        numberOr(ROPE + ".beta_fast", "", 32),
                        numberOr(ROPE + ".beta_slow", "", 1),
                        rope.path("truncate").asBoolean(true));
        double weight = numberOr(ROPE + ".mscale", "", 0);
        double allWeight = numberOr(ROPE + ".mscale_all_dim", "", 0);
        double magnitude =
                weight == 0 || allWeight == 0
                        ? yarn.magnitude(1)
                        : yarn.magnitude(weight) / yarn.magnitude(allWeight);
        return RopeScaling.yarn(rotary, yarn)
                .withMagnitude(numberOr(ROPE + ".attention_factor", "", magnitude));
    }

    private RotarySpec longRope(RotarySpec rotary) {
        double original = originalContext();
        boolean isLong = contextLength() > original;
        String field = ROPE + (isLong ? ".long_factor" : ".short_factor");
        List<Double> divisors = numbers(field, "");
        if (2 * divisors.size() != rotary.dimensions()) {
            throw unsupported(
                    field, "", divisors.size() + " numbers", rotary.dimensions() / 2 + " numbers");
        }
        RotarySpec scaled =
                RopeScaling.longRope(rotary, divisors, contextLength() / original, original);
        return scaled.withMagnitude(numberOr(ROPE + ".attention_factor", "", scaled.magnitude()));
    }

    @Override
    public RuntimeException unsupported(
            String huggingFace, String gguf, Object value, String supported) {
        return new ModelFormatException(
                json.path() + ": " + huggingFace + "=" + value + ", supported=" + supported);
    }
}
