// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.TinyModels;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.EmulatedCuda;
import org.millrace.engine.kernels.EmulatedCuda.Counters;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;

/** Launches of a decode step, as the emulated device counts them. */
class LaunchTest {
    @BeforeAll
    static void emulateCuda() {
        EmulatedCuda.install();
    }

    /**
     * Page tables, embedding, gather, norm, product and argmax around the layers. In a layer: norm,
     * product of the attention's inputs, rope, attention, product; norm, product, activation,
     * product. Float matrices are multiplied by a kernel each.
     */
    @ParameterizedTest
    @CsvSource({"gqa3/q8_0.gguf,F16,1,9", "k256/q4_0.gguf,INT8,3,9", "mqa80/f32.gguf,F16,2,12"})
    void aDecodeStepIsOneGraph(String file, KvType kvType, int sequences, int kernelsPerLayer) {
        ModelOptions options = new ModelOptions(kvType, ActivationType.INT8, "cuda", 1);
        try (Model model = Model.open(TinyModels.path(file), options);
                Generator generator =
                        new Generator(
                                model,
                                new GeneratorOptions(16 << 20, 64, sequences, Integer.MAX_VALUE))) {
            for (int i = 0; i < sequences; i++) {
                generator.submit(
                        new Sequence(
                                generator.newCache(),
                                Transcript.EMPTY,
                                new int[] {1, 2 + i, 3},
                                GenerationParams.greedy(6),
                                Retention.FULL,
                                null));
            }
            List<Counters> steps = new ArrayList<>();
            Counters before = EmulatedCuda.counters();
            while (generator.liveSequences() > 0) {
                generator.step();
                Counters after = EmulatedCuda.counters();
                steps.add(after.since(before));
                before = after;
            }
            int kernels = 6 + kernelsPerLayer * model.spec().numLayers();
            // The prompts, then a decode step by single launches, then graphs.
            assertThat(steps).hasSize(6);
            assertThat(steps.get(1).launches()).isEqualTo(kernels);
            assertThat(steps.subList(2, 6))
                    .allSatisfy(
                            step -> {
                                assertThat(step.launches()).isEqualTo(1);
                                assertThat(step.graphs()).isEqualTo(1);
                                assertThat(step.kernels()).isEqualTo(kernels);
                            });
        }
    }

    /** However long the sessions are: of each head's page table the newest entry is sent. */
    @Test
    void aDecodeStepSendsWhatChangedAndNoMore() {
        int sequences = 3;
        ModelOptions options = new ModelOptions(KvType.INT8, ActivationType.INT8, "cuda", 1);
        try (Model model = Model.open(TinyModels.path("gqa3/q8_0.gguf"), options);
                Generator generator =
                        new Generator(
                                model,
                                new GeneratorOptions(
                                        16 << 20, 600, sequences, Integer.MAX_VALUE))) {
            for (int i = 0; i < sequences; i++) {
                int[] prompt = new Random(i).ints(200, 3, 256).toArray();
                generator.submit(
                        new Sequence(
                                generator.newCache(),
                                Transcript.EMPTY,
                                prompt,
                                GenerationParams.greedy(40),
                                Retention.FULL,
                                null));
            }
            int graphs = 0;
            while (generator.liveSequences() > 0) {
                Counters before = EmulatedCuda.counters();
                int tokens = generator.step().tokens().size();
                if (EmulatedCuda.counters().since(before).graphs() == 1) {
                    graphs++;
                    int heads = sequences * model.cacheLayout().numHeads();
                    // Tokens, rows, sequences, faults, logit rows and profiles.
                    int inputs = tokens * 4 * (1 + 2 + 2 + 1 + 1 + 16);
                    assertThat(EmulatedCuda.counters().since(before).bytesToDevice())
                            .isEqualTo(inputs + heads * (16 + 12) + 4);
                }
            }
            assertThat(graphs).isGreaterThan(30);
        }
    }
}
