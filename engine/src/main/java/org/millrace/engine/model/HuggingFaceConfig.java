// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.databind.JsonNode;

/** Reads hyperparameters out of a config.json. */
final class HuggingFaceConfig {
    private static final double DEFAULT_ROPE_THETA = 10_000;

    private HuggingFaceConfig() {}

    static ModelConfig read(String source, JsonFile json) {
        refuseUnsupported(json);
        int hidden = json.size("hidden_size");
        int numHeads = json.size("num_attention_heads");
        int headDim = json.sizeOr("head_dim", Math.max(1, hidden / numHeads));
        JsonNode rope = ropeParameters(json);
        double theta =
                rope.path("rope_theta").isNumber()
                        ? rope.path("rope_theta").doubleValue()
                        : json.get("rope_theta").asDouble(DEFAULT_ROPE_THETA);
        ModelConfig config =
                new ModelConfig(
                        "llama",
                        json.stringOr("_name_or_path", ""),
                        json.size("num_hidden_layers"),
                        hidden,
                        json.size("intermediate_size"),
                        numHeads,
                        json.sizeOr("num_key_value_heads", numHeads),
                        headDim,
                        json.size("vocab_size"),
                        json.size("max_position_embeddings"),
                        (float) json.real("rms_norm_eps"),
                        theta,
                        ropeScaling(source, json, rope, theta, headDim));
        ConfigCheck.check(source, config);
        return config;
    }

    private static void refuseUnsupported(JsonFile json) {
        String architecture = json.stringOr("model_type", "(missing)");
        if (!architecture.equals("llama")) {
            throw new ModelFormatException(
                    json.path() + ": model_type=" + architecture + ", supported=llama");
        }
        expect(json, "hidden_act", "silu");
        expect(json, "attention_bias", "false");
        expect(json, "mlp_bias", "false");
        expect(json, "partial_rotary_factor", "1.0");
        if (json.root().hasNonNull("quantization_config")) {
            throw new ModelFormatException(
                    json.path()
                            + ": quantization_config is not supported, use F32, F16 or BF16"
                            + " weights, or a GGUF file");
        }
    }

    private static void expect(JsonFile json, String field, String supported) {
        String value = json.get(field).asText(supported);
        if (!value.equals(supported)) {
            throw new ModelFormatException(
                    json.path() + ": " + field + "=" + value + ", supported=" + supported);
        }
    }

    /** {@code rope_parameters} since transformers 5, {@code rope_scaling} before. */
    private static JsonNode ropeParameters(JsonFile json) {
        JsonNode parameters = json.get("rope_parameters");
        return parameters.isObject() ? parameters : json.get("rope_scaling");
    }

    private static double[] ropeScaling(
            String source, JsonFile json, JsonNode rope, double theta, int headDim) {
        String type = rope.path("rope_type").asText(rope.path("type").asText("default"));
        double[] factors =
                switch (type) {
                    case "default" -> null;
                    case "linear" -> RopeScaling.linear(json.real(rope, "factor"), headDim);
                    case "llama3" ->
                            RopeScaling.llama3(
                                    json.real(rope, "factor"),
                                    json.real(rope, "low_freq_factor"),
                                    json.real(rope, "high_freq_factor"),
                                    json.real(rope, "original_max_position_embeddings"),
                                    theta,
                                    headDim);
                    default ->
                            throw new ModelFormatException(
                                    json.path()
                                            + ": rope scaling type="
                                            + type
                                            + ", supported=default, linear, llama3");
                };
        return factors == null ? null : ConfigCheck.ropeFactors(source, factors);
    }
}
