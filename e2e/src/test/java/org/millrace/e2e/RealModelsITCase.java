// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.client.model.ModelLocator;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.model.ChatTemplate;

/**
 * Real files of Qwen and Gemma, fetched by name, beside float32 transformers on the dequantised
 * weights and llama.cpp's tokenizer ({@code real/NAME.json}).
 */
@Tag("nightly")
class RealModelsITCase {
    private static final ModelOptions INT8 =
            new ModelOptions(KvType.F16, ActivationType.INT8, "auto", 0);
    private static final ModelOptions FLOAT =
            new ModelOptions(KvType.F32, ActivationType.F32, "auto", 0);

    /** A message that ends its own turn there; here its control tokens are plain text. */
    private static final String CONTROL_IN_TEXT = "control-in-text";

    @ParameterizedTest
    @ValueSource(strings = {"qwen2.5-coder-0.5b", "gemma3-270m"})
    void textBecomesTheSameTokens(String name) throws IOException {
        try (Model model = open(name, INT8)) {
            for (JsonNode row : reference(name).get("tokenizer")) {
                boolean control = row.get("control_tokens").asBoolean();
                assertThat(model.tokenizer().encode(row.get("text").asText(), control))
                        .as(row.get("text").asText())
                        .isEqualTo(ints(row.get("tokens")));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"qwen2.5-coder-0.5b,0.035", "gemma3-270m,0.08"})
    void logProbabilitiesAreNear(String name, double limit) throws IOException {
        try (Model model = open(name, FLOAT)) {
            assertThat(meanDifferences(model, name))
                    .allSatisfy(d -> assertThat(d).isLessThan(2e-3));
        }
        try (Model model = open(name, INT8)) {
            assertThat(meanDifferences(model, name))
                    .allSatisfy(d -> assertThat(d).isLessThan(limit));
        }
    }

    /** Mean absolute differences of the log probabilities of each text's next tokens. */
    private static List<Double> meanDifferences(Model model, String name) throws IOException {
        List<Double> means = new ArrayList<>();
        for (JsonNode text : reference(name).get("score")) {
            int[] tokens = ints(text.get("token_ids"));
            double[] sum = new double[1];
            new Scorer(model)
                    .score(
                            tokens,
                            (position, logits) -> {
                                if (position + 1 < tokens.length) {
                                    double actual =
                                            logits[tokens[position + 1]] - logSumExp(logits);
                                    double expected = text.get("logprobs").get(position).asDouble();
                                    sum[0] += Math.abs(actual - expected);
                                }
                            });
            means.add(sum[0] / (tokens.length - 1));
        }
        return means;
    }

    private static double logSumExp(float[] logits) {
        double most = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            most = Math.max(most, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - most);
        }
        return most + Math.log(sum);
    }

    @ParameterizedTest
    @ValueSource(strings = "qwen2.5-coder-0.5b")
    void conversationsAreRenderedAndAnsweredAlike(String name) throws IOException {
        try (Model model = open(name, INT8)) {
            for (JsonNode chat : reference(name).get("chat")) {
                List<ChatTemplate.Message> messages = new ArrayList<>();
                for (JsonNode message : chat.get("messages")) {
                    messages.add(
                            new ChatTemplate.Message(
                                    message.get("role").asText(), message.get("content").asText()));
                }
                String conversation = chat.get("name").asText();
                assertThat(model.chatTemplate().render(messages))
                        .isEqualTo(chat.get("rendered").asText());
                int[] prompt = ints(chat.get("prompt_tokens"));
                if (!conversation.equals(CONTROL_IN_TEXT)) {
                    assertThat(model.chatTemplate().encodeFirstTurn(messages))
                            .as(conversation)
                            .isEqualTo(prompt);
                }
                assertAnswersAlike(model, prompt, chat);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = "gemma3-270m")
    void textGoesOnAlike(String name) throws IOException {
        try (Model model = open(name, INT8)) {
            for (JsonNode text : reference(name).get("greedy")) {
                assertAnswersAlike(model, ints(text.get("prompt_tokens")), text);
            }
        }
    }

    /** Up to the first token whose margin is below 1. */
    private static void assertAnswersAlike(Model model, int[] prompt, JsonNode reference) {
        int[] expected = ints(reference.get("greedy_tokens"));
        int certain = 0;
        while (certain < expected.length && reference.get("margins").get(certain).asDouble() > 1) {
            certain++;
        }
        int[] actual = generate(model, prompt, expected.length);
        assertThat(Arrays.copyOf(actual, certain)).isEqualTo(Arrays.copyOf(expected, certain));
    }

    private static int[] generate(Model model, int[] prompt, int count) {
        try (Generator generator = new Generator(model, new GeneratorOptions(256 << 20, 256, 1))) {
            Sequence sequence =
                    new Sequence(
                            generator.newCache(),
                            Transcript.EMPTY,
                            prompt,
                            GenerationParams.greedy(count),
                            Retention.FULL,
                            null);
            generator.submit(sequence);
            while (generator.liveSequences() > 0) {
                generator.step();
            }
            return sequence.generated();
        }
    }

    private static Model open(String name, ModelOptions options) throws IOException {
        return Model.open(ModelLocator.locate(name), options);
    }

    private static JsonNode reference(String name) throws IOException {
        return new ObjectMapper()
                .readTree(RealModelsITCase.class.getResourceAsStream("/real/" + name + ".json"));
    }

    private static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }
}
