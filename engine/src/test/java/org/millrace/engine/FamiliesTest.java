// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.EmulatedCuda;
import org.millrace.engine.kernels.cpu.CpuKernels;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * A random model of each family, from both formats, against the logits and greedy tokens that
 * transformers computed in float32.
 */
class FamiliesTest {
    private static final double TOLERANCE = 1e-3;

    @BeforeAll
    static void emulateCuda() {
        EmulatedCuda.install();
    }

    static Stream<String> families() {
        return Stream.of(
                "ernie45",
                "gemma2",
                "gemma3",
                "glm4",
                "granite",
                "hunyuan",
                "llama-bias",
                "ministral3",
                "mistral",
                "olmo2",
                "olmo3",
                "phi3",
                "phi3-longrope",
                "qwen2",
                "qwen2-tied",
                "qwen3",
                "qwen3-yarn",
                "seedoss",
                "smollm3");
    }

    static Stream<Arguments> files() {
        return families()
                .flatMap(family -> Stream.of("hf", "f32.gguf").map(f -> Arguments.of(family, f)));
    }

    @ParameterizedTest
    @MethodSource("files")
    void logitsAreThoseOfTransformers(String family, String file) {
        try (Model model = open(family, file, KvType.F32, "auto")) {
            float[] expected = TinyModels.npy("families/" + family + "/logits.npy");
            float[] actual = concatenated(logits(model, tokens(family)));
            assertThat(actual).hasSameSizeAs(expected);
            double tolerance = TOLERANCE * Math.min(1, rootMeanSquare(expected));
            for (int i = 0; i < expected.length; i++) {
                assertThat((double) actual[i])
                        .as("logit %d", i)
                        .isCloseTo(expected[i], within(tolerance));
            }
        }
    }

    /**
     * Without LongRoPE: transformers takes other factors from position 64 on, for keys that come
     * then; here, as in llama.cpp, a session has the factors of the model's context from its start.
     */
    static Stream<Arguments> filesWithOneRotation() {
        return files().filter(file -> !file.get()[0].equals("phi3-longrope"));
    }

    @ParameterizedTest
    @MethodSource("filesWithOneRotation")
    void greedyTokensAreThoseOfTransformers(String family, String file) {
        JsonNode greedy = json(family).get("greedy");
        int[] expected = TinyModels.ints(greedy.get("tokens"));
        int certain = 0;
        while (certain < expected.length
                && greedy.get("margins").get(certain).asDouble() > TOLERANCE) {
            certain++;
        }
        try (Model model = open(family, file, KvType.F32, "auto")) {
            int[] actual = generate(model, TinyModels.ints(greedy.get("prompt")), expected.length);
            assertThat(Arrays.copyOf(actual, certain)).isEqualTo(Arrays.copyOf(expected, certain));
        }
    }

    @ParameterizedTest
    @MethodSource("families")
    void allProvidersGiveTheSameBits(String family) {
        List<String> providers = new ArrayList<>(CpuKernels.available());
        providers.add("cuda");
        try (Model reference = open(family, "f32.gguf", KvType.INT8, "reference")) {
            float[] expected = concatenated(logits(reference, tokens(family)));
            for (String provider : providers) {
                try (Model model = open(family, "f32.gguf", KvType.INT8, provider)) {
                    assertThat(concatenated(logits(model, tokens(family))))
                            .as(provider)
                            .isEqualTo(expected);
                }
            }
        }
    }

    /** What a file switches on and nobody computes is an error, not another model. */
    @ParameterizedTest
    @CsvSource({
        "qwen2,\"use_sliding_window\": false",
        "qwen3,\"use_sliding_window\": false",
        "smollm3,\"use_sliding_window\": false",
        "gemma3,\"use_bidirectional_attention\": false"
    })
    void whatIsSwitchedOnAndNotComputedIsRefused(
            String family, String property, @TempDir Path directory) throws IOException {
        try (Stream<Path> files = Files.list(TinyModels.path("families/" + family + "/hf"))) {
            for (Path file : files.toList()) {
                Files.copy(file, directory.resolve(file.getFileName()));
            }
        }
        Path config = directory.resolve("config.json");
        String text = Files.readString(config);
        assertThat(text).contains(property);
        Files.writeString(config, text.replace(property, property.replace("false", "true")));
        ModelOptions options = new ModelOptions(KvType.F32, ActivationType.F32, "auto", 0);
        assertThatThrownBy(() -> Model.open(directory, options))
                .hasMessageContaining("=true, supported=false");
    }

    private static Model open(String family, String file, KvType kvType, String provider) {
        return TinyModels.open(
                "families/" + family + "/" + file, kvType, ActivationType.F32, provider);
    }

    private static JsonNode json(String family) {
        return TinyModels.json("families/" + family + "/case.json");
    }

    private static int[] tokens(String family) {
        return TinyModels.ints(json(family).get("token_ids"));
    }

    private static float[][] logits(Model model, int[] tokens) {
        float[][] logits = new float[tokens.length][];
        new Scorer(model).score(tokens, (position, values) -> logits[position] = values);
        return logits;
    }

    private static float[] concatenated(float[][] rows) {
        float[] all = new float[rows.length * rows[0].length];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(rows[i], 0, all, i * rows[0].length, rows[0].length);
        }
        return all;
    }

    private static double rootMeanSquare(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += (double) value * value;
        }
        return Math.sqrt(sum / values.length);
    }

    private static int[] generate(Model model, int[] prompt, int count) {
        try (Generator generator = new Generator(model, new GeneratorOptions(16 << 20, 64, 1))) {
            GenerationParams params =
                    new GenerationParams(count, 0f, 0, 1f, 0f, 1f, 0, List.of(), true, false);
            Sequence sequence =
                    new Sequence(
                            generator.newCache(),
                            Transcript.EMPTY,
                            prompt,
                            params,
                            Retention.FULL,
                            null);
            generator.submit(sequence);
            while (generator.liveSequences() > 0) {
                generator.step();
            }
            return sequence.generated();
        }
    }
}
