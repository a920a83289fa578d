// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.Model;
import org.millrace.engine.TinyModels;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.Compaction;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.SavedCache;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.StoredSlots;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * Compressed sessions give the same bits whoever shares the batch, however the prompt is chunked,
 * wherever they are stopped, and when they are computed again from their tokens.
 */
class RetentionGeneratorTest {
    private static final GeneratorOptions OPTIONS = new GeneratorOptions(48 << 20, 64, 16);
    private static final int MAX_TOKENS = 40;

    private static final List<String> POLICIES =
            List.of(
                    "fastgen keep=0.5 min-prompt=0 peak-distance=2",
                    "fastgen recovery=0.7 min-prompt=0 peak-distance=2 recent=8 review-interval=4",
                    "fastgen-paper recovery=0.8 local-ratio=0.2 frequent-ratio=0.2",
                    "ladder recovery=0.8 min-prompt=0 recent=4 review-interval=3",
                    "kvzip keep=0.3",
                    "kvzip-all-turns keep=0.3",
                    "snapkv keep=0.4 recent=8",
                    "h2o local-ratio=0.2 frequent-ratio=0.2",
                    "streaming",
                    "random keep=0.5 recent=4",
                    "full");

    private static int[] prompt(int length, long seed) {
        return new Random(seed).ints(length, 3, 256).toArray();
    }

    private static GenerationParams params(long seed) {
        return new GenerationParams(
                MAX_TOKENS, 0.9f, 40, 0.95f, 0f, 1.1f, seed, List.of(), true, true);
    }

    private static Model model() {
        return TinyModels.open("gqa3/q8_0.gguf", KvType.INT8, ActivationType.INT8);
    }

    private static Sequence submit(
            Generator generator, Transcript history, int seed, String retention) {
        return submit(generator, generator.newCache(), history, seed, retention);
    }

    private static Sequence submit(
            Generator generator,
            SessionCache cache,
            Transcript history,
            int seed,
            String retention) {
        int[] prompt = prompt(70 + 3 * seed, seed);
        Sequence sequence =
                new Sequence(
                        cache, history, prompt, params(seed), Retention.parse(retention), null);
        generator.submit(sequence);
        return sequence;
    }

    private static void drain(Generator generator) {
        while (generator.liveSequences() > 0) {
            generator.step();
        }
    }

    /** All that a session comes to; equal only if every bit is. */
    private static List<Object> result(Sequence sequence) {
        return result(sequence, new StoredSlots());
    }

    /**
     * @param slots holds what was stored of it before
     */
    private static List<Object> result(Sequence sequence, StoredSlots slots) {
        List<Object> result =
                new ArrayList<>(
                        List.of(
                                Arrays.toString(sequence.tokens()),
                                Arrays.toString(sequence.logprobs()),
                                sequence.transcript().turns()));
        result.addAll(cache(sequence.cache(), slots));
        return result;
    }

    /** Everything that is stored of a cache, but for where its pages lie. */
    private static List<Object> cache(SessionCache cache, StoredSlots slots) {
        cache.freeze();
        List<Object> result = new ArrayList<>();
        result.add(cache.compactions());
        result.add(cache.summary());
        result.addAll(slots.contents(cache.save(slots)));
        return result;
    }

    private static List<Object> alone(Model model, String retention) {
        try (Generator generator = new Generator(model, OPTIONS)) {
            Sequence sequence = submit(generator, Transcript.EMPTY, 1, retention);
            drain(generator);
            return result(sequence);
        }
    }

    @Test
    void sessionsOfDifferentPoliciesChangeNoBitOfEachOther() {
        try (Model model = model();
                Generator generator = new Generator(model, OPTIONS)) {
            List<Sequence> sequences = new ArrayList<>();
            for (String policy : POLICIES) {
                sequences.add(submit(generator, Transcript.EMPTY, 1, policy));
                generator.step();
            }
            drain(generator);
            for (int i = 0; i < POLICIES.size(); i++) {
                assertThat(result(sequences.get(i)))
                        .as(POLICIES.get(i))
                        .isEqualTo(alone(model, POLICIES.get(i)));
            }
        }
    }

    @Test
    void compressedCachesTakeFewerPages() {
        try (Model model = model();
                Generator generator = new Generator(model, OPTIONS)) {
            Sequence full = submit(generator, Transcript.EMPTY, 50, "full");
            Sequence kept = submit(generator, Transcript.EMPTY, 50, "kvzip keep=0.25");
            drain(generator);
            assertThat(full.cache().bytes()).isEqualTo(full.cache().fullBytes());
            assertThat(kept.cache().fullBytes()).isEqualTo(full.cache().bytes());
            assertThat(kept.cache().bytes()).isLessThan(kept.cache().fullBytes() / 2);
            assertThat(generator.usedBytes())
                    .isEqualTo(full.cache().bytes() + kept.cache().bytes());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 256})
    void chunksOfThePromptChangeNoBit(int chunk) {
        try (Model model = model()) {
            for (String policy : POLICIES) {
                GeneratorOptions chunked = new GeneratorOptions(48 << 20, chunk, 1);
                try (Generator generator = new Generator(model, chunked)) {
                    Sequence sequence = submit(generator, Transcript.EMPTY, 1, policy);
                    drain(generator);
                    assertThat(result(sequence)).as(policy).isEqualTo(alone(model, policy));
                }
            }
        }
    }

    @Test
    void goesOnAtTheExactNextTokenWhereverItIsStopped() {
        try (Model model = model()) {
            for (String policy : POLICIES) {
                List<Object> expected = alone(model, policy);
                for (int steps = 1; steps < 60; steps += 4) {
                    assertThat(stoppedAfter(steps, model, policy))
                            .as(policy + " stopped after " + steps + " steps")
                            .isEqualTo(expected);
                }
            }
        }
    }

    private static List<Object> stoppedAfter(int steps, Model model, String policy) {
        GeneratorOptions small = new GeneratorOptions(48 << 20, 16, 4);
        byte[] saved;
        SavedCache savedCache;
        StoredSlots slots = new StoredSlots();
        try (Generator generator = new Generator(model, small)) {
            Sequence sequence = submit(generator, Transcript.EMPTY, 1, policy);
            for (int i = 0; i < steps && generator.liveSequences() > 0; i++) {
                generator.step();
                sequence.cache().storeGrown(slots);
            }
            savedCache = sequence.cache().save(slots);
            saved = sequence.save();
            if (sequence.finishReason() != null) {
                return result(sequence, slots);
            }
        }
        try (Generator generator = new Generator(model, small)) {
            SessionCache cache = generator.restoreCache(savedCache, slots);
            Sequence sequence = Sequence.restore(saved, cache, null);
            generator.submit(sequence);
            drain(generator);
            return result(sequence, slots);
        }
    }

    @Test
    void aSessionComputedAgainFromItsTokensIsTheSame() {
        try (Model model = model()) {
            for (String policy : POLICIES) {
                try (Generator generator = new Generator(model, OPTIONS)) {
                    Sequence first = submit(generator, Transcript.EMPTY, 1, policy);
                    drain(generator);
                    Sequence second =
                            submit(generator, first.cache(), first.transcript(), 2, policy);
                    drain(generator);
                    Transcript rested =
                            second.transcript().withRest(Retention.parse("kvzip keep=0.2"));
                    Sequence rest = Sequence.rest(second.cache(), rested, null);
                    generator.submit(rest);
                    drain(generator);
                    assertThat(rest.finishReason()).isEqualTo(FinishReason.RESTED);
                    Sequence third = submit(generator, rest.cache(), rest.transcript(), 3, "full");
                    drain(generator);

                    Sequence again = submit(generator, rested, 3, "full");
                    drain(generator);
                    assertThat(again.tokens()).as(policy).isEqualTo(third.tokens());
                    assertThat(result(again)).as(policy).isEqualTo(result(third));
                }
            }
        }
    }

    @Test
    void aRestTakesNoStepFromALiveSession() {
        try (Model model = model();
                Generator generator = new Generator(model, OPTIONS)) {
            Sequence idle = submit(generator, Transcript.EMPTY, 50, "full");
            drain(generator);
            Sequence live = submit(generator, Transcript.EMPTY, 1, "full");
            while (live.generated().length == 0) {
                generator.step();
            }
            Transcript rested = idle.transcript().withRest(Retention.parse("kvzip keep=0.25"));
            Sequence rest = Sequence.rest(idle.cache(), rested, null);
            generator.submit(rest);
            int steps = 0;
            for (; rest.finishReason() == null; steps++) {
                StepResult step = generator.step();
                assertThat(step.tokens())
                        .extracting(StepResult.Token::sequence)
                        .containsExactly(live);
                assertThat(1 + step.prefillTokens() + step.replayedTokens())
                        .isLessThanOrEqualTo(OPTIONS.maxBatchTokens());
            }
            assertThat(steps).isGreaterThan(3);
            assertThat(rest.cache().bytes()).isLessThan(rest.cache().fullBytes() / 2);
        }
    }

    @Test
    void turnsAreCompressedTogetherIfAsked() {
        try (Model model = model();
                Generator generator = new Generator(model, OPTIONS)) {
            for (String policy : List.of("kvzip keep=0.3", "kvzip-all-turns keep=0.3")) {
                Sequence first = submit(generator, Transcript.EMPTY, 1, policy);
                drain(generator);
                int[] kept = first.cache().positions(0, 0, 0);
                Sequence second = submit(generator, first.cache(), first.transcript(), 2, policy);
                drain(generator);
                boolean isFrozen =
                        Arrays.equals(
                                Arrays.copyOf(second.cache().positions(0, 0, 0), kept.length),
                                kept);
                Compaction last = second.cache().compactions().get(1);
                int heads = model.cacheLayout().numHeads();
                if (policy.startsWith("kvzip-all-turns")) {
                    assertThat(isFrozen).isFalse();
                    assertThat(last.start()).isZero();
                    assertThat(last.keptSlots()).isEqualTo((long) (0.3 * last.end() * heads));
                } else {
                    assertThat(isFrozen).isTrue();
                    assertThat(last.start()).isEqualTo(first.length());
                }
            }
        }
    }

    @Test
    void aTurnThatEndedBeforeItsCompactionStaysWhole() {
        try (Model model = model();
                Generator generator = new Generator(model, new GeneratorOptions(48 << 20, 16, 4))) {
            Sequence sequence =
                    submit(
                            generator,
                            Transcript.EMPTY,
                            1,
                            "fastgen keep=0.5 min-prompt=0 peak-distance=2");
            generator.step();
            generator.cancel(sequence, FinishReason.CANCELLED);
            Transcript whole = sequence.transcript();
            assertThat(whole.turns()).containsExactly(SessionTurn.of(0, 73, Retention.FULL));

            Sequence next = submit(generator, sequence.cache(), whole, 2, "streaming");
            drain(generator);
            Sequence again = submit(generator, whole, 2, "streaming");
            drain(generator);
            assertThat(result(again)).isEqualTo(result(next));
        }
    }

    @Test
    void aReplayThatIsCutShortLeavesNothing() {
        try (Model model = model();
                Generator generator = new Generator(model, new GeneratorOptions(48 << 20, 16, 4))) {
            Sequence sequence = submit(generator, Transcript.EMPTY, 1, "kvzip keep=0.3");
            for (int i = 0; i < 6; i++) {
                generator.step();
            }
            assertThat(sequence.replay()).isNotNull();
            generator.cancel(sequence, FinishReason.CANCELLED);
            assertThat(sequence.cache().nextPosition()).isEqualTo(73);
            assertThat(sequence.transcript().turns())
                    .containsExactly(SessionTurn.of(0, 73, Retention.FULL));
        }
    }
}
