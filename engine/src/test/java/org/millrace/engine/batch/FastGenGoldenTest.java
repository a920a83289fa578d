// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.millrace.engine.Model;
import org.millrace.engine.TinyModels;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * Whole generations with {@code fastgen-paper} and float values beside a float64 run by the book:
 * rungs, slots kept after the prompt and at the end, tokens.
 */
class FastGenGoldenTest {
    private static final String LADDER =
            "special,special+punctuation,special+punctuation+frequent,"
                    + "special+punctuation+frequent+local,full";

    /** Nearer than this float32 may choose another token than float64. */
    private static final double MARGIN = 1e-3;

    @ParameterizedTest
    @CsvSource({"mha32/f32.gguf", "mqa80/f32.gguf", "rope3/hf"})
    void decidesAsTheBook(String file) {
        String name = file.substring(0, file.indexOf('/'));
        try (Model model = TinyModels.open(file, KvType.F32, ActivationType.F32)) {
            for (JsonNode golden : TinyModels.json(name + "/fastgen.json").get("cases")) {
                check(model, golden);
            }
        }
    }

    private static void check(Model model, JsonNode golden) {
        int newTokens = golden.get("new").intValue();
        GenerationParams params =
                new GenerationParams(newTokens, 0f, 0, 1f, 0f, 1f, 0, List.of(), true, false);
        try (Generator generator = new Generator(model, new GeneratorOptions(16 << 20, 64, 1))) {
            Sequence sequence =
                    new Sequence(
                            generator.newCache(),
                            Transcript.EMPTY,
                            TinyModels.ints(golden.get("tokens")),
                            params,
                            retention(golden),
                            null);
            generator.submit(sequence);
            while (generator.step().compacted().isEmpty()) {
                assertThat(sequence.finishReason()).isNull();
            }
            String what = golden.get("name").asText();
            assertThat(kept(model, sequence.cache()))
                    .as(what)
                    .isEqualTo(positions(golden.get("kept_after_prompt")));
            if (!golden.has("force_rung")) {
                assertThat(rungs(model, sequence.cache()))
                        .as(what)
                        .isEqualTo(flat(golden.get("rungs")));
            }
            while (generator.liveSequences() > 0) {
                generator.step();
            }
            int comparable = comparable(golden.get("margins"));
            assertThat(Arrays.copyOf(sequence.generated(), comparable))
                    .as(what)
                    .isEqualTo(
                            Arrays.copyOf(
                                    TinyModels.ints(golden.get("greedy_tokens")), comparable));
            if (comparable == newTokens) {
                generator.computeLast(sequence);
                assertThat(kept(model, sequence.cache()))
                        .as(what)
                        .isEqualTo(positions(golden.get("kept_at_end")));
            }
        }
    }

    private static Retention retention(JsonNode golden) {
        String ladder =
                golden.has("force_rung")
                        ? LADDER.split(",")[golden.get("force_rung").intValue()]
                        : LADDER;
        return Retention.parse(
                "fastgen-paper recovery=%s local-ratio=%s frequent-ratio=%s ladder=%s"
                        .formatted(golden.get("T"), golden.get("r_l"), golden.get("r_f"), ladder));
    }

    private static List<List<Integer>> kept(Model model, SessionCache cache) {
        List<List<Integer>> kept = new ArrayList<>();
        for (int layer = 0; layer < model.spec().numLayers(); layer++) {
            for (int kvHead = 0; kvHead < model.spec().numKvHeads(); kvHead++) {
                kept.add(Arrays.stream(cache.positions(layer, kvHead, 0)).boxed().toList());
            }
        }
        return kept;
    }

    private static List<Integer> rungs(Model model, SessionCache cache) {
        return cache.summary().heads().stream().map(head -> head.rung()).toList();
    }

    private static List<List<Integer>> positions(JsonNode byLayer) {
        List<List<Integer>> positions = new ArrayList<>();
        for (JsonNode layer : byLayer) {
            for (JsonNode head : layer) {
                positions.add(Arrays.stream(TinyModels.ints(head)).boxed().toList());
            }
        }
        return positions;
    }

    private static List<Integer> flat(JsonNode byLayer) {
        List<Integer> values = new ArrayList<>();
        byLayer.forEach(layer -> layer.forEach(head -> values.add(head.intValue())));
        return values;
    }

    private static int comparable(JsonNode margins) {
        for (int i = 0; i < margins.size(); i++) {
            if (margins.get(i).doubleValue() < MARGIN) {
                return i;
            }
        }
        return margins.size();
    }
}
