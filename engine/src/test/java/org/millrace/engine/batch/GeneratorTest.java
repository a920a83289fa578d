// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.Model;
import org.millrace.engine.TinyModels;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.CorruptCacheException;
import org.millrace.engine.kvcache.IncompatibleCacheException;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.StoredSlots;
import org.millrace.engine.kvcache.policy.Retention;

class GeneratorTest {
    private static final GeneratorOptions OPTIONS = new GeneratorOptions(32 << 20, 64, 32);
    private static final Retention FASTGEN = Retention.parse("fastgen keep=0.5");

    private static int[] prompt(int length, long seed) {
        return new Random(seed).ints(length, 3, 256).toArray();
    }

    private static GenerationParams sampled(int maxTokens, long seed) {
        return new GenerationParams(
                maxTokens, 0.9f, 40, 0.95f, 0f, 1.1f, seed, List.of(), true, true);
    }

    private static Sequence submit(Generator generator, int[] prompt, GenerationParams params) {
        return submit(generator, prompt, params, Retention.FULL);
    }

    private static Sequence submit(
            Generator generator, int[] prompt, GenerationParams params, Retention retention) {
        Sequence sequence =
                new Sequence(
                        generator.newCache(), Transcript.EMPTY, prompt, params, retention, null);
        generator.submit(sequence);
        return sequence;
    }

    private static void drain(Generator generator) {
        while (generator.liveSequences() > 0) {
            generator.step();
        }
    }

    /** Tokens, logprobs and stored cache of a finished sequence: equal only if every bit is. */
    private static List<Object> result(Sequence sequence) {
        return result(sequence, new StoredSlots());
    }

    /**
     * @param slots holds what was stored of it before
     */
    private static List<Object> result(Sequence sequence, StoredSlots slots) {
        return List.of(
                Arrays.toString(sequence.tokens()),
                Arrays.toString(sequence.logprobs()),
                sequence.text(),
                sequence.finishReason(),
                slots.contents(sequence.cache().save(slots)));
    }

    private static List<Object> alone(
            Model model, GeneratorOptions options, int[] prompt, GenerationParams params) {
        return alone(model, options, prompt, params, Retention.FULL);
    }

    private static List<Object> alone(
            Model model,
            GeneratorOptions options,
            int[] prompt,
            GenerationParams params,
            Retention retention) {
        try (Generator generator = new Generator(model, options)) {
            Sequence sequence = submit(generator, prompt, params, retention);
            drain(generator);
            return result(sequence);
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void strangersInTheBatchChangeNoBit(KvType kvType) {
        try (Model model = TinyModels.open("gqa3/q8_0.gguf", kvType, ActivationType.INT8)) {
            List<Object> expected = alone(model, OPTIONS, prompt(70, 1), sampled(40, 7));
            for (int strangers : new int[] {1, 2, 7, 31}) {
                try (Generator generator = new Generator(model, OPTIONS)) {
                    for (int i = 0; i < strangers / 2; i++) {
                        submit(generator, prompt(5 + 9 * i, 100 + i), sampled(20 + i, i));
                    }
                    generator.step();
                    Sequence sequence = submit(generator, prompt(70, 1), sampled(40, 7));
                    for (int i = strangers / 2; i < strangers; i++) {
                        submit(generator, prompt(3 + 5 * i, 200 + i), sampled(5 + i, i));
                    }
                    drain(generator);
                    assertThat(result(sequence)).as("strangers=" + strangers).isEqualTo(expected);
                }
            }
        }
    }

    /** A pool's memory may be an earlier pool's, of caches of another type. */
    @ParameterizedTest
    @EnumSource(KvType.class)
    void whatThePoolHeldBeforeChangesNoBit(KvType kvType) {
        GeneratorOptions options = new GeneratorOptions(4 << 20, 64, 2);
        try (Model model = TinyModels.open("gqa3/q8_0.gguf", kvType, ActivationType.INT8, "cpu")) {
            List<Object> full = alone(model, options, prompt(150, 1), sampled(40, 7));
            List<Object> fastgen = alone(model, options, prompt(150, 1), sampled(40, 7), FASTGEN);
            // Infinities and NaNs, whatever the type.
            fillIdleMemory(model, options, (byte) -1);
            assertThat(alone(model, options, prompt(150, 1), sampled(40, 7))).isEqualTo(full);
            fillIdleMemory(model, options, (byte) -1);
            assertThat(alone(model, options, prompt(150, 1), sampled(40, 7), FASTGEN))
                    .isEqualTo(fastgen);
        }
    }

    private static void fillIdleMemory(Model model, GeneratorOptions options, byte value) {
        CacheLayout layout = model.cacheLayout();
        long pages = layout.poolPages(layout.pagesIn(options.poolBytes()));
        byte[] bytes = new byte[Math.toIntExact(pages * layout.page().pageBytes())];
        try (DeviceBuffer idle = model.kernels().allocateUninitialized(bytes.length)) {
            idle.read(0, ByteBuffer.wrap(bytes));
            assertThat(bytes).as("an earlier pool's memory").isNotEqualTo(new byte[bytes.length]);
            Arrays.fill(bytes, value);
            idle.write(0, ByteBuffer.wrap(bytes));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64})
    void chunksOfThePromptChangeNoBit(int chunk) {
        try (Model model = TinyModels.open("k256/q4_1.gguf", KvType.INT8, ActivationType.INT8)) {
            GeneratorOptions whole = new GeneratorOptions(32 << 20, 512, 1);
            GeneratorOptions chunked = new GeneratorOptions(32 << 20, chunk, 1);
            assertThat(alone(model, chunked, prompt(150, 2), sampled(20, 3)))
                    .isEqualTo(alone(model, whole, prompt(150, 2), sampled(20, 3)));
        }
    }

    /** Steps that take no time at all, or any time, make chunks of all sizes. */
    @ParameterizedTest
    @ValueSource(ints = {1, 20, 1_000_000})
    void boundsOnAStepsTimeAndUrgencyChangeNoBit(int maxStepMillis) {
        GeneratorOptions options = new GeneratorOptions(32 << 20, 64, 32, maxStepMillis);
        try (Model model = TinyModels.open("gqa3/q8_0.gguf", KvType.INT8, ActivationType.INT8)) {
            List<Object> expected = alone(model, OPTIONS, prompt(150, 1), sampled(40, 7));
            Set<Integer> chunks = new HashSet<>();
            for (int priority = -1; priority <= 1; priority++) {
                Random random = new Random(priority);
                long[] now = {0};
                try (Generator generator =
                        new Generator(
                                model, options, () -> now[0] += random.nextInt(100_000_000))) {
                    for (int i = 0; i < 7; i++) {
                        Sequence stranger = sequence(generator, prompt(30 + 20 * i, i), 20);
                        generator.submit(stranger, new Urgency(0, 1000 * i));
                        generator.step();
                    }
                    Sequence sequence = sequence(generator, prompt(150, 1), 40);
                    generator.submit(sequence, new Urgency(priority, 3500));
                    while (generator.liveSequences() > 0) {
                        int position = sequence.nextPosition();
                        generator.step();
                        chunks.add(sequence.nextPosition() - position);
                    }
                    assertThat(result(sequence)).as("priority=" + priority).isEqualTo(expected);
                }
            }
            assertThat(chunks).as("chunks").hasSizeGreaterThan(3);
        }
    }

    private static Sequence sequence(Generator generator, int[] prompt, int maxTokens) {
        return new Sequence(
                generator.newCache(),
                Transcript.EMPTY,
                prompt,
                sampled(maxTokens, 7),
                Retention.FULL,
                null);
    }

    /** The clock goes by what was computed: a millisecond a row, and more with its context. */
    @Test
    void stepsThatDecodeStayWithinTheBoundAndOthersTakeTheWholeBudget() {
        List<Sequence> all = new ArrayList<>();
        GeneratorOptions options = new GeneratorOptions(32 << 20, 64, 8, 50);
        try (Model model = TinyModels.open("gqa3/q8_0.gguf", KvType.INT8, ActivationType.INT8)) {
            StepCost cost = StepCost.of(model.spec());
            LongSupplier clock =
                    () ->
                            (long) all.stream().mapToDouble(s -> cost.of(0, s.nextPosition())).sum()
                                    * 1_000_000;
            try (Generator generator = new Generator(model, options, clock)) {
                all.add(submit(generator, prompt(150, 1), sampled(400, 1)));
                assertThat(rows(generator, all)).isEqualTo(64);
                assertThat(rows(generator, all)).isEqualTo(64);
                while (all.get(0).isPrefilling()) {
                    generator.step();
                }
                all.add(submit(generator, prompt(200, 2), sampled(1, 1)));
                all.add(submit(generator, prompt(200, 3), sampled(1, 1)));
                Set<Integer> steps = new HashSet<>();
                while (generator.liveSequences() > 1) {
                    int live = generator.liveSequences();
                    int tokens = all.get(0).generated().length;
                    long begin = clock.getAsLong();
                    int rows = rows(generator, all);
                    assertThat(all.get(0).generated()).hasSize(tokens + 1);
                    assertThat(rows > 8 || generator.liveSequences() < live).isTrue();
                    assertThat(rows == 9 || clock.getAsLong() - begin <= 51_000_000L)
                            .as("rows=%d in %d ns", rows, clock.getAsLong() - begin)
                            .isTrue();
                    steps.add(rows);
                }
                assertThat(steps).as("rows of steps").hasSizeGreaterThan(3);
            }
        }
    }

    private static int rows(Generator generator, List<Sequence> all) {
        int before = all.stream().mapToInt(Sequence::nextPosition).sum();
        generator.step();
        return all.stream().mapToInt(Sequence::nextPosition).sum() - before;
    }

    @Test
    void aShortPromptOvertakesLongOnesAndStepsTellWhoStarted() {
        try (Model model = TinyModels.open("gqa3/q8_0.gguf", KvType.INT8, ActivationType.INT8);
                Generator generator = new Generator(model, OPTIONS, () -> 0)) {
            Sequence first = submit(generator, prompt(400, 1), sampled(2, 1));
            Sequence second = submit(generator, prompt(400, 2), sampled(2, 1));
            assertThat(generator.step().started()).containsExactly(first);
            Sequence brief = submit(generator, prompt(20, 3), sampled(2, 1));
            StepResult step = generator.step();
            assertThat(step.started()).contains(brief);
            assertThat(step.tokens()).extracting(StepResult.Token::sequence).containsExactly(brief);
            List<Sequence> started = new ArrayList<>(step.started());
            while (generator.liveSequences() > 0) {
                started.addAll(generator.step().started());
            }
            assertThat(started).containsExactlyInAnyOrder(second, brief);
        }
    }

    @Test
    void aStepMustBeAllowedSomeTime() {
        try (Model model = TinyModels.open("gqa3/f16.gguf", KvType.F16, ActivationType.INT8)) {
            assertThatThrownBy(() -> new Generator(model, new GeneratorOptions(32 << 20, 64, 4, 0)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("maxStepMillis=0");
        }
    }

    @ParameterizedTest
    @EnumSource(KvType.class)
    void goesOnAtTheExactNextTokenAfterARestore(KvType kvType) {
        try (Model model = TinyModels.open("mqa80/f32.gguf", kvType, ActivationType.INT8)) {
            int[] prompt = prompt(75, 4);
            GenerationParams params = sampled(50, 11);
            List<Object> expected = alone(model, OPTIONS, prompt, params);
            for (int steps = 1; steps < 50; steps += 7) {
                byte[] saved;
                SavedCache savedCache;
                StoredSlots slots = new StoredSlots();
                try (Generator generator = new Generator(model, OPTIONS)) {
                    Sequence sequence = submit(generator, prompt, params);
                    for (int i = 0; i < steps; i++) {
                        generator.step();
                        sequence.cache().storeGrown(slots);
                    }
                    saved = sequence.save();
                    savedCache = sequence.cache().save(slots);
                }
                try (Generator generator = new Generator(model, OPTIONS)) {
                    SessionCache cache = generator.restoreCache(savedCache, slots);
                    Sequence sequence = Sequence.restore(saved, cache, null);
                    generator.submit(sequence);
                    drain(generator);
                    assertThat(sequence.tokens()).hasSize(125);
                    assertThat(result(sequence, slots)).isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void aSecondTurnComputesOnlyItsNewTokens() {
        try (Model model = TinyModels.open("gqa3/f16.gguf", KvType.F16, ActivationType.INT8);
                Generator generator = new Generator(model, OPTIONS)) {
            Sequence first = submit(generator, prompt(40, 5), GenerationParams.greedy(10));
            drain(generator);
            Sequence second =
                    new Sequence(
                            first.cache(),
                            first.transcript(),
                            prompt(20, 6),
                            GenerationParams.greedy(10),
                            Retention.FULL,
                            null);
            generator.submit(second);
            int prefilled = 0;
            while (generator.liveSequences() > 0) {
                prefilled += generator.step().prefillTokens();
            }
            assertThat(second.reusedTokens()).isEqualTo(49);
            assertThat(prefilled).isEqualTo(21);

            Sequence together =
                    submit(
                            generator,
                            Arrays.copyOf(second.tokens(), 70),
                            GenerationParams.greedy(10));
            drain(generator);
            assertThat(together.generated()).isEqualTo(second.generated());
        }
    }

    @Test
    void closingACacheFreesItsPages() {
        try (Model model = TinyModels.open("gqa3/f16.gguf", KvType.F16, ActivationType.INT8);
                Generator generator = new Generator(model, OPTIONS)) {
            int room = generator.maxSessionTokens();
            Sequence sequence = submit(generator, prompt(40, 5), GenerationParams.greedy(10));
            drain(generator);
            assertThat(generator.usedBytes()).isPositive();
            sequence.cache().close();
            assertThat(generator.usedBytes()).isZero();
            assertThat(generator.hasRoomFor(room)).isTrue();
        }
    }

    @Test
    void admitsOnlyWhatThePoolCanHold() {
        try (Model model = TinyModels.open("mha32/f32.gguf", KvType.F32, ActivationType.INT8)) {
            long poolBytes = model.cacheLayout().poolBytes(3 * model.cacheLayout().numHeads());
            try (Generator generator =
                    new Generator(model, new GeneratorOptions(poolBytes, 64, 4))) {
                assertThat(generator.maxSessionTokens()).isEqualTo(96);
                assertThat(generator.hasRoomFor(97)).isFalse();
                submit(generator, prompt(20, 1), GenerationParams.greedy(40));
                assertThat(generator.hasRoomFor(33)).isFalse();
                assertThat(generator.hasRoomFor(32)).isTrue();
            }
            assertThatThrownBy(() -> new Generator(model, new GeneratorOptions(100, 64, 4)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("poolBytes=100");
        }
    }

    @Test
    void storedCachesOfAnotherKindOrWithFlippedBitsAreRefused() {
        try (Model model = TinyModels.open("gqa3/f16.gguf", KvType.F16, ActivationType.INT8);
                Model other = TinyModels.open("gqa3/f16.gguf", KvType.INT8, ActivationType.INT8);
                Generator generator = new Generator(model, OPTIONS);
                Generator otherGenerator = new Generator(other, OPTIONS)) {
            Sequence sequence = submit(generator, prompt(70, 5), GenerationParams.greedy(10));
            drain(generator);
            StoredSlots stored = new StoredSlots();
            SavedCache saved = sequence.cache().save(stored);
            Map<Long, byte[]> entries = stored.entries();
            assertThat(SavedCache.ids(saved.header(), saved.tails()))
                    .containsExactly(entries.keySet().toArray(Long[]::new));

            assertThatThrownBy(() -> otherGenerator.restoreCache(saved, stored))
                    .isInstanceOf(IncompatibleCacheException.class)
                    .hasMessageContaining("fingerprint");
            long id = entries.keySet().iterator().next();
            byte[] entry = entries.get(id);
            entry[entry.length / 2] ^= 4;
            assertThatThrownBy(() -> generator.restoreCache(saved, stored))
                    .isInstanceOf(CorruptCacheException.class)
                    .hasMessageContaining("checksum of slots");
            entry[entry.length / 2] ^= 4;
            entries.remove(id);
            assertThatThrownBy(() -> generator.restoreCache(saved, stored))
                    .isInstanceOf(CorruptCacheException.class)
                    .hasMessageContaining("missing slots: id=" + id);
            entries.put(id, entry);
            generator.restoreCache(saved, stored).close();
        }
    }

    @Test
    void storedCachesOfAnotherKindNeedTheRoomOfAWholeOne() {
        try (Model model = TinyModels.open("gqa3/f16.gguf", KvType.F16, ActivationType.INT8);
                Model other = TinyModels.open("gqa3/f16.gguf", KvType.INT8, ActivationType.INT8);
                Generator generator = new Generator(model, OPTIONS)) {
            Sequence sequence = submit(generator, prompt(70, 5), GenerationParams.greedy(10));
            drain(generator);
            SessionCache cache = sequence.cache();
            for (int head = 0; head < model.cacheLayout().numHeads(); head++) {
                int kvHeads = model.cacheLayout().numKvHeads();
                cache.evict(head / kvHeads, head % kvHeads, position -> position < 64);
            }
            byte[] header = cache.save(new StoredSlots()).header();
            assertThat(hasRoomInTwoPages(model, header)).isTrue();
            assertThat(hasRoomInTwoPages(other, header)).isFalse();
        }
    }

    /** Whether a session of 80 tokens fits into a pool of two pages for each head. */
    private static boolean hasRoomInTwoPages(Model model, byte[] header) {
        long poolBytes = model.cacheLayout().poolBytes(2 * model.cacheLayout().numHeads());
        try (Generator generator = new Generator(model, new GeneratorOptions(poolBytes, 64, 4))) {
            return generator.hasRoomFor(header, 80);
        }
    }

    @Test
    void emptyPromptIsRefused() {
        try (Model model = TinyModels.open("gqa3/f16.gguf", KvType.F16, ActivationType.INT8);
                Generator generator = new Generator(model, OPTIONS)) {
            assertThatThrownBy(() -> submit(generator, new int[0], GenerationParams.greedy(1)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("empty prompt");
        }
    }
}
