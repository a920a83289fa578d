// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.TinyModels;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.EmulatedCuda;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.StoredSlots;
import org.millrace.engine.kvcache.policy.Retention;

/** A generation that is saved on one provider and goes on with another is the same generation. */
class ProviderChangeTest {
    private static final GeneratorOptions OPTIONS = new GeneratorOptions(8 << 20, 64, 2);
    private static final int[] PROMPT = new Random(3).ints(70, 3, 256).toArray();
    private static final GenerationParams PARAMS =
            new GenerationParams(24, 0.9f, 40, 0.95f, 0f, 1.1f, 5, List.of(), true, true);

    @BeforeAll
    static void emulateCuda() {
        EmulatedCuda.install();
    }

    /** Everything that state would hold. */
    private record Saved(byte[] sequence, SavedCache cache, StoredSlots slots) {
        static Saved of(Sequence sequence, StoredSlots slots) {
            return new Saved(sequence.save(), sequence.cache().save(slots), slots);
        }

        private List<Object> contents() {
            return slots.contents(cache);
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void fromTheProcessorToTheGpuAndBack(KvType kvType) {
        Saved unbroken = run("cpu", kvType, null, Integer.MAX_VALUE);
        Saved onCpu = run("cpu", kvType, null, 8);
        Saved onGpu = run("cuda", kvType, onCpu, 7);
        Saved changed = run("cpu", kvType, onGpu, Integer.MAX_VALUE);
        assertThat(changed.sequence()).isEqualTo(unbroken.sequence());
        assertThat(changed.contents()).isEqualTo(unbroken.contents());
    }

    private static Saved run(String provider, KvType kvType, Saved from, int steps) {
        ModelOptions options = new ModelOptions(kvType, ActivationType.INT8, provider, 2);
        try (Model model = Model.open(TinyModels.path("gqa3/q8_0.gguf"), options);
                Generator generator = new Generator(model, OPTIONS)) {
            StoredSlots slots = from == null ? new StoredSlots() : from.slots();
            Sequence sequence =
                    from == null
                            ? new Sequence(
                                    generator.newCache(),
                                    Transcript.EMPTY,
                                    PROMPT,
                                    PARAMS,
                                    Retention.FULL,
                                    null)
                            : Sequence.restore(
                                    from.sequence(),
                                    generator.restoreCache(from.cache(), slots),
                                    null);
            generator.submit(sequence);
            for (int i = 0; i < steps && generator.liveSequences() > 0; i++) {
                generator.step();
            }
            return Saved.of(sequence, slots);
        }
    }
}
