// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;

/** Tiny models against the logits and greedy tokens that transformers computed in float32. */
class GoldenTest {
    private static final List<String> BLOCK_TYPES =
            List.of("q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_k", "q5_k", "q6_k");

    /** The weights that the greedy tokens belong to. */
    static Stream<Arguments> exactModels() {
        return Stream.of("mha32/hf", "mha32/f32.gguf", "rope3/hf", "mqa80/f32.gguf")
                .map(file -> Arguments.of(file, modelName(file) + "/logits.npy"));
    }

    static Stream<Arguments> roundedModels() {
        return Stream.of(
                Arguments.of("gqa3/f16.gguf", "gqa3/logits-f16.npy"),
                Arguments.of("k256/bf16.gguf", "k256/logits-bf16.npy"));
    }

    static Stream<Arguments> blockModels() {
        Stream<String> q80 = Stream.of("gqa3", "mha32", "rope3").map(name -> name + "/q8_0");
        Stream<String> all = BLOCK_TYPES.stream().map(type -> "k256/" + type);
        return Stream.concat(q80, all)
                .map(file -> Arguments.of(file + ".gguf", file.replace("/", "/logits-") + ".npy"));
    }

    private static float[][] logits(Model model, String name) {
        int[] tokens = TinyModels.ints(TinyModels.json(name + "/case.json").get("token_ids"));
        float[][] logits = new float[tokens.length][];
        new Scorer(model).score(tokens, (position, values) -> logits[position] = values);
        return logits;
    }

    private static float[][] expected(String file, int vocabulary) {
        float[] flat = TinyModels.npy(file);
        float[][] rows = new float[flat.length / vocabulary][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Arrays.copyOfRange(flat, i * vocabulary, (i + 1) * vocabulary);
        }
        return rows;
    }

    private static String modelName(String file) {
        return file.substring(0, file.indexOf('/'));
    }

    @ParameterizedTest
    @MethodSource({"exactModels", "roundedModels", "blockModels"})
    void logitsWithFloatActivationsAreWithinAThousandth(String file, String golden) {
        try (Model model = TinyModels.open(file, KvType.F32, ActivationType.F32)) {
            float[][] actual = logits(model, modelName(file));
            float[][] reference = expected(golden, model.spec().vocabSize());
            assertThat(maxDifference(actual, reference)).isLessThan(1e-3);
        }
    }

    /**
     * Bounds of the reference outputs' README: what int8 activations cost another well-made engine.
     */
    @ParameterizedTest
    @MethodSource("blockModels")
    void logitsWithIntegerActivationsAreNear(String file, String golden) {
        try (Model model = TinyModels.open(file, KvType.F32, ActivationType.INT8)) {
            float[][] actual = logits(model, modelName(file));
            float[][] reference = expected(golden, model.spec().vocabSize());
            assertThat(maxDifference(actual, reference)).isLessThan(0.8);
            assertThat(meanDivergence(reference, actual)).isLessThan(0.003);
        }
    }

    @ParameterizedTest
    @MethodSource("exactModels")
    void greedyTokensAreEqual(String file, String golden) {
        JsonNode greedy = TinyModels.json(modelName(file) + "/case.json").get("greedy");
        int[] expected = TinyModels.ints(greedy.get("tokens"));
        try (Model model = TinyModels.open(file, KvType.F32, ActivationType.F32);
                Generator generator = new Generator(model, new GeneratorOptions(16 << 20, 64, 1))) {
            GenerationParams params =
                    new GenerationParams(
                            expected.length, 0f, 0, 1f, 0f, 1f, 0, List.of(), true, false);
            Sequence sequence =
                    new Sequence(
                            generator.newCache(),
                            Transcript.EMPTY,
                            TinyModels.ints(greedy.get("prompt")),
                            params,
                            Retention.FULL,
                            null);
            generator.submit(sequence);
            while (generator.liveSequences() > 0) {
                generator.step();
            }
            assertThat(sequence.generated()).isEqualTo(expected);
        }
    }

    private static double maxDifference(float[][] actual, float[][] expected) {
        double max = 0;
        for (int i = 0; i < expected.length; i++) {
            for (int j = 0; j < expected[i].length; j++) {
                max = Math.max(max, Math.abs((double) actual[i][j] - expected[i][j]));
            }
        }
        return max;
    }

    /** Mean over positions of KL(p || q). */
    static double meanDivergence(float[][] p, float[][] q) {
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            sum += divergence(p[i], q[i]);
        }
        return sum / p.length;
    }

    static double divergence(float[] p, float[] q) {
        double logP = logSumExp(p);
        double logQ = logSumExp(q);
        double sum = 0;
        for (int j = 0; j < p.length; j++) {
            double logProb = p[j] - logP;
            sum += Math.exp(logProb) * (logProb - (q[j] - logQ));
        }
        return sum;
    }

    private static double logSumExp(float[] values) {
        double max = Double.NEGATIVE_INFINITY;
        for (float value : values) {
            max = Math.max(max, value);
        }
        double sum = 0;
        for (float value : values) {
            sum += Math.exp(value - max);
        }
        return max + Math.log(sum);
    }
}
