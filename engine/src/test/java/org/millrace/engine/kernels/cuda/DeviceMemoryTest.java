// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.TinyModels;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Generator;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.DeviceUsage;
import org.millrace.engine.kernels.DeviceUsage.Work;
import org.millrace.engine.kernels.EmulatedCuda;
import org.millrace.engine.kernels.EmulatedCuda.Counters;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.StoredSlots;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * A device without memory: what is new is refused or waits, what runs goes on, and nothing is left
 * behind.
 */
class DeviceMemoryTest {
    private static final GeneratorOptions OPTIONS =
            new GeneratorOptions(4 << 20, 64, 4, Integer.MAX_VALUE);

    /** Less than the driver hands out. */
    private static final long NOTHING = 1;

    /** In two chunks. */
    private static final int[] PROMPT = new Random(3).ints(90, 3, 256).toArray();

    private static final String FASTGEN =
            "fastgen keep=0.5 min-prompt=8 peak-distance=2 review-interval=4";

    private Model model;

    @BeforeEach
    void open() {
        EmulatedCuda.install();
        model = Model.open(TinyModels.path("gqa3/q8_0.gguf"), options("cuda"));
    }

    private static ModelOptions options(String provider) {
        return new ModelOptions(KvType.INT8, ActivationType.INT8, provider, 1);
    }

    @AfterEach
    void close() {
        if (model != null) {
            EmulatedCuda.leaveFree(0);
            model.close();
        }
    }

    private static Sequence submit(Generator generator, String retention, int maxTokens) {
        Sequence sequence =
                new Sequence(
                        generator.newCache(),
                        Transcript.EMPTY,
                        PROMPT,
                        GenerationParams.greedy(maxTokens),
                        Retention.parse(retention),
                        null);
        generator.submit(sequence);
        return sequence;
    }

    private static void finish(Generator generator) {
        while (generator.liveSequences() > 0) {
            generator.step();
        }
    }

    /** What the processor generates. */
    private static int[] undisturbed(String retention, int maxTokens) {
        try (Model onCpu = Model.open(TinyModels.path("gqa3/q8_0.gguf"), options("cpu"));
                Generator generator = new Generator(onCpu, OPTIONS)) {
            Sequence sequence = submit(generator, retention, maxTokens);
            finish(generator);
            return sequence.generated();
        }
    }

    @Test
    void stepsTakeNoMemory() {
        int[] expected = undisturbed("full", 20);
        try (Generator generator = new Generator(model, OPTIONS)) {
            EmulatedCuda.leaveFree(NOTHING);
            assertThat(generator.hasRoomFor(PROMPT.length + 20)).isTrue();
            Sequence first = submit(generator, "full", 20);
            generator.step();
            Sequence second = submit(generator, "full", 20);
            finish(generator);
            assertThat(first.generated()).isEqualTo(expected);
            assertThat(second.generated()).isEqualTo(expected);
        }
    }

    @Test
    void withoutMemoryForGraphsStepsRunByLaunches() {
        try (Generator generator = new Generator(model, OPTIONS)) {
            EmulatedCuda.leaveFree(NOTHING);
            submit(generator, "full", 40);
            for (int i = 0; i < 8; i++) {
                assertThat(step(generator).graphs()).isZero();
            }
            EmulatedCuda.leaveFree(0);
            step(generator);
            assertThat(stepsUntilAGraph(generator)).isLessThan(3);
            // A batch of two: its graph takes the place of the one before.
            EmulatedCuda.leaveFree(NOTHING);
            submit(generator, "full", 40);
            assertThat(stepsUntilAGraph(generator)).isBetween(3, 7);
            finish(generator);
        }
    }

    private static int stepsUntilAGraph(Generator generator) {
        int steps = 0;
        while (step(generator).graphs() == 0) {
            steps++;
        }
        return steps;
    }

    private static Counters step(Generator generator) {
        Counters before = EmulatedCuda.counters();
        generator.step();
        return EmulatedCuda.counters().since(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {FASTGEN, "kvzip keep=0.5"})
    void aPromptThatIsToBeMeasuredWaitsForMemoryAndOthersGoOn(String retention) {
        int[] expected = undisturbed(retention, 20);
        try (Generator generator = new Generator(model, OPTIONS)) {
            EmulatedCuda.leaveFree(NOTHING);
            Sequence measured = submit(generator, retention, 20);
            Sequence full = submit(generator, "full", 6);
            while (full.finishReason() == null) {
                generator.step();
            }
            assertThat(generator.step().tokens()).isEmpty();
            assertThat(measured.finishReason()).isNull();
            assertThat(measured.generated().length).isLessThan(2);
            EmulatedCuda.leaveFree(0);
            finish(generator);
            assertThat(measured.generated()).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {FASTGEN, "kvzip keep=0.5"})
    void aPromptThatIsMeasuredIsCompressedWithoutMoreMemory(String retention) {
        int[] expected = undisturbed(retention, 20);
        try (Generator generator = new Generator(model, OPTIONS)) {
            Sequence measured = submit(generator, retention, 20);
            while (measured.cache().profiledTurn() == null) {
                generator.step();
            }
            EmulatedCuda.leaveFree(NOTHING);
            finish(generator);
            assertThat(measured.cache().compactions()).hasSize(1);
            assertThat(measured.generated()).isEqualTo(expected);
        }
    }

    @Test
    void aMeasuredPromptComesBackFromASnapshotToAFullDeviceAndWaits() {
        int[] expected = undisturbed(FASTGEN, 20);
        StoredSlots slots = new StoredSlots();
        byte[] savedSequence;
        SavedCache savedCache;
        try (Generator generator = new Generator(model, OPTIONS)) {
            Sequence sequence = submit(generator, FASTGEN, 20);
            generator.step();
            savedSequence = sequence.save();
            savedCache = sequence.cache().save(slots);
        }
        assertThat(savedCache.profile()).isNotEmpty();
        try (Generator generator = new Generator(model, OPTIONS)) {
            EmulatedCuda.leaveFree(NOTHING);
            Sequence restored =
                    Sequence.restore(
                            savedSequence, generator.restoreCache(savedCache, slots), null);
            generator.submit(restored);
            assertThat(generator.step().tokens()).isEmpty();
            assertThat(restored.cache().save(slots).profile()).isEqualTo(savedCache.profile());
            EmulatedCuda.leaveFree(0);
            finish(generator);
            assertThat(restored.generated()).isEqualTo(expected);
        }
    }

    @Test
    void aPoolThatDoesNotFitIsRefusedBeforeAnythingIsAllocated() {
        EmulatedCuda.leaveFree(66 << 20);
        DeviceUsage before = model.kernels().usage();
        assertThatThrownBy(() -> new Generator(model, OPTIONS))
                .isInstanceOf(OutOfMemoryError.class)
                .hasMessage(
                        "too little device memory: poolBytes=4194304, free="
                                + before.freeBytes()
                                + ", needed=71303168");
        assertThat(model.kernels().usage().freeBytes()).isEqualTo(before.freeBytes());
    }

    /** Wherever memory ends. Scratch memory for attention stays with the device. */
    @Test
    void aGeneratorThatCannotBeHadLeavesNothingBehind() {
        GeneratorOptions wide = new GeneratorOptions(4 << 20, 1 << 14, 1 << 8);
        new Generator(model, wide).close();
        int refused = 0;
        boolean isOpened = false;
        for (long bytes = 68 << 20; !isOpened; bytes += 7 << 20) {
            EmulatedCuda.leaveFree(0);
            EmulatedCuda.leaveFree(bytes);
            long free = model.kernels().usage().freeBytes();
            try {
                new Generator(model, wide).close();
                isOpened = true;
            } catch (OutOfMemoryError e) {
                assertThat(e).hasMessageContaining("free=");
                refused++;
            }
            assertThat(model.kernels().usage().freeBytes()).isEqualTo(free);
        }
        assertThat(refused).isGreaterThan(5);
    }

    @Test
    void aModelThatCannotBeHadLeavesNothingBehind() {
        int refused = 0;
        boolean isOpened = false;
        for (long bytes = 10_000; !isOpened; bytes += 60_000) {
            EmulatedCuda.leaveFree(0);
            EmulatedCuda.leaveFree(bytes);
            long free = model.kernels().usage().freeBytes();
            try {
                Model.open(TinyModels.path("k256/q4_0.gguf"), options("cuda")).close();
                isOpened = true;
            } catch (OutOfMemoryError e) {
                assertThat(e).hasMessageContaining("free=");
                refused++;
            }
            assertThat(model.kernels().usage().freeBytes()).isEqualTo(free);
        }
        assertThat(refused).isGreaterThan(5);
    }

    @Test
    void memoryAndTimeAreMeasuredAndBuffersAreFreedOnce() {
        DeviceUsage before = model.kernels().usage();
        DeviceBuffer buffer = model.kernels().allocate(1 << 20);
        assertThat(model.kernels().usage().freeBytes()).isEqualTo(before.freeBytes() - (1 << 20));
        buffer.close();
        buffer.close();
        assertThat(model.kernels().usage().freeBytes()).isEqualTo(before.freeBytes());
        assertThatThrownBy(() -> CudaBuffer.address(buffer, 0))
                .hasMessage("buffer is closed: bytes=1048576");
        try (Generator generator = new Generator(model, OPTIONS)) {
            GenerationParams drawn =
                    new GenerationParams(8, 1f, 0, 1f, 0f, 1f, 5, List.of(), true, false);
            generator.submit(
                    new Sequence(
                            generator.newCache(),
                            Transcript.EMPTY,
                            PROMPT,
                            drawn,
                            Retention.parse(FASTGEN),
                            null));
            finish(generator);
        }
        DeviceUsage after = model.kernels().usage();
        for (Work work : List.of(Work.PROMPTS, Work.DECODING, Work.SAMPLING, Work.COMPACTION)) {
            assertThat(after.nanos().get(work)).as(work.name()).isPositive();
        }
        assertThat(after.nanos().get(Work.OTHER)).isZero();
    }
}
