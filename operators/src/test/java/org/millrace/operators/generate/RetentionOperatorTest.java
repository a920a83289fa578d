// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kvcache.KvType;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.state.ImmutableBytesSerializer;
import org.millrace.schemas.CacheStatistics;
import org.millrace.schemas.Completion;
import org.millrace.schemas.PromptRequest;

/** Sessions with compressed caches: each its own policy, restored, computed again, at rest. */
class RetentionOperatorTest {
    private static final List<String> POLICIES =
            List.of(
                    "fastgen keep=0.5 min-prompt=0 peak-distance=2 recent=8 review-interval=4",
                    "fastgen-paper recovery=0.8 local-ratio=0.2 frequent-ratio=0.2",
                    "kvzip keep=0.3",
                    "streaming",
                    "full");

    private static final String SCORED = "h2o local-ratio=0.2 frequent-ratio=0.2";
    private static final long IDLE_MILLIS = 60_000;
    private static final long SMALL_MANAGED_BYTES = 2 * 900_000;

    private static Setup options(int maxBatchTokens) {
        return options(maxBatchTokens, TinyModel.OPTIONS);
    }

    private static Setup options(int maxBatchTokens, ModelOptions modelOptions) {
        return Setup.of(TinyModel.path(), modelOptions)
                .with(GenerationOptions.MAX_BATCH_TOKENS, maxBatchTokens)
                .with(GenerationOptions.MAX_SEQUENCES, 8)
                .with(GenerationOptions.IDLE_COMPACTION, Duration.ofMillis(IDLE_MILLIS));
    }

    private static GenerationHarness open(int maxBatchTokens) throws Exception {
        return new GenerationHarness(options(maxBatchTokens), new HashMapStateBackend(), 1, 0)
                .open();
    }

    private static Prompts.Stamped turn(String session, String request, String policy, long time) {
        String text = session + " asks " + request + " a longer question than most others do?";
        PromptRequest prompt =
                Prompts.turnRequest(session, request, text, 20).setRetention(policy).build();
        return Prompts.stamped(prompt, time);
    }

    private static void sendAll(GenerationHarness harness) throws Exception {
        for (String request : List.of("r1", "r2")) {
            for (String policy : POLICIES) {
                harness.send(turn("s" + POLICIES.indexOf(policy), request, policy, 1000));
            }
        }
    }

    private static TreeMap<String, List<Object>> undisturbed() throws Exception {
        try (GenerationHarness harness = open(64)) {
            sendAll(harness);
            harness.runAll();
            assertThat(harness.deadLetters()).isEmpty();
            return GenerationHarness.comparable(harness.completions());
        }
    }

    @ParameterizedTest
    @CsvSource({"hashmap, 1, 2", "hashmap, 2, 45", "rocksdb, 2, 10", "rocksdb, 1, 110"})
    void compressedSessionsGoOnAtTheExactNextToken(String backend, int parallelism, int tokens)
            throws Exception {
        List<Completion> completions = new ArrayList<>();
        OperatorSubtaskState state;
        try (GenerationHarness harness =
                new GenerationHarness(options(16), backend(backend), 1, 0).open()) {
            sendAll(harness);
            harness.runUntilTokens(tokens);
            state = harness.snapshot();
            completions.addAll(harness.completions());
        }
        for (int subtask = 0; subtask < parallelism; subtask++) {
            try (GenerationHarness harness =
                    new GenerationHarness(options(16), backend(backend), parallelism, subtask)) {
                harness.open(state, 1, 1);
                harness.runAll();
                completions.addAll(harness.completions());
            }
        }
        assertThat(GenerationHarness.comparable(completions)).isEqualTo(undisturbed());
    }

    private static StateBackend backend(String name) {
        return name.equals("rocksdb")
                ? new EmbeddedRocksDBStateBackend(false)
                : new HashMapStateBackend();
    }

    @Test
    void lostCachesAreCompressedAgainAsTheyWere() throws Exception {
        try (GenerationHarness harness = open(64)) {
            for (String policy : POLICIES) {
                harness.send(turn("s" + POLICIES.indexOf(policy), "r1", policy, 1000));
            }
            harness.runAll();
            losePages(harness);
            for (String policy : POLICIES) {
                harness.send(turn("s" + POLICIES.indexOf(policy), "r2", policy, 1000));
            }
            harness.runAll();
            TreeMap<String, List<Object>> expected = undisturbed();
            TreeMap<String, List<Object>> actual =
                    GenerationHarness.comparable(harness.completions());
            assertThat(actual.keySet()).isEqualTo(expected.keySet());
            // Usage tells that positions were computed again; everything else is the same.
            actual.forEach(
                    (key, fields) ->
                            assertThat(fields.get(1)).as(key).isEqualTo(expected.get(key).get(1)));
        }
    }

    private static void losePages(GenerationHarness harness) throws Exception {
        KeyedStateBackend<String> backend = harness.flink().getOperator().getKeyedStateBackend();
        for (int session = 0; session < POLICIES.size(); session++) {
            backend.setCurrentKey("s" + session);
            backend.getPartitionedState(
                            VoidNamespace.INSTANCE,
                            VoidNamespaceSerializer.INSTANCE,
                            new MapStateDescriptor<>(
                                    "slots",
                                    LongSerializer.INSTANCE,
                                    new ImmutableBytesSerializer()))
                    .clear();
        }
    }

    @Test
    void completionsTellWhatTheCacheKept() throws Exception {
        try (GenerationHarness harness = open(64)) {
            sendAll(harness);
            harness.runAll();
            for (Completion completion : harness.completions()) {
                CacheStatistics cache = completion.getCache();
                assertThat(cache.getRetention()).isNotEmpty();
                assertThat(cache.getHeadsPerRung().values().stream().mapToInt(i -> i).sum())
                        .isPositive();
                if (cache.getRetention().startsWith("kvzip")) {
                    assertThat(cache.getBytes()).isLessThan(cache.getFullBytes());
                    assertThat(cache.getHeadsPerRung()).containsOnlyKeys("kvzip");
                }
                if (cache.getRetention().equals("full")) {
                    assertThat(cache.getBytes()).isEqualTo(cache.getFullBytes());
                    assertThat(cache.getHeadsPerRung()).containsOnlyKeys("full");
                }
            }
        }
    }

    @Test
    void aPolicyThatDoesNotExistIsADeadLetter() throws Exception {
        try (GenerationHarness harness = open(64)) {
            harness.send(turn("s", "r", "best", 1000));
            harness.runAll();
            assertThat(harness.deadLetters())
                    .singleElement()
                    .satisfies(
                            letter -> {
                                assertThat(letter.reason().code()).isEqualTo("invalid_parameter");
                                assertThat(letter.detail()).contains("policy=best", "fastgen");
                            });
        }
    }

    private static Completion lastOf(GenerationHarness harness) {
        List<Completion> completions = harness.completions();
        return completions.get(completions.size() - 1);
    }

    /** Whether the timer was first or the prompt, idle sessions give the same answers. */
    @Test
    void idleSessionsRestAndNobodyCanTellWhen() throws Exception {
        Completion atOnce;
        Completion judgedByPrompt;
        Completion restedByTimer;
        try (GenerationHarness harness = open(64)) {
            harness.send(turn("s", "r1", "full", 1000));
            harness.runAll();
            harness.send(turn("s", "r2", "full", 1000 + IDLE_MILLIS));
            harness.runAll();
            atOnce = lastOf(harness);
        }
        try (GenerationHarness harness = open(64)) {
            harness.send(turn("s", "r1", "full", 1000));
            harness.runAll();
            harness.send(turn("s", "r2", "full", 1001 + IDLE_MILLIS));
            harness.runAll();
            judgedByPrompt = lastOf(harness);
        }
        try (GenerationHarness harness = open(64)) {
            harness.send(turn("s", "r1", "full", 1000));
            harness.runAll();
            harness.send(turn("other", "r", "full", 1001 + IDLE_MILLIS));
            harness.runAll();
            OperatorSubtaskState before = harness.snapshot();
            harness.watermarkMillis(1000 + IDLE_MILLIS);
            harness.runAll();
            OperatorSubtaskState after = harness.snapshot();
            assertThat(after.getStateSize()).isLessThan(before.getStateSize());
            harness.send(turn("s", "r2", "full", 2000 + IDLE_MILLIS));
            harness.runAll();
            restedByTimer = lastOf(harness);
        }
        assertThat(judgedByPrompt.getCache().getBytes()).isLessThan(atOnce.getCache().getBytes());
        assertThat(restedByTimer.getTokenIds()).isEqualTo(judgedByPrompt.getTokenIds());
        assertThat(restedByTimer.getLogprobs()).isEqualTo(judgedByPrompt.getLogprobs());
        assertThat(restedByTimer.getCache()).isEqualTo(judgedByPrompt.getCache());
    }

    @Test
    void aRestIsBegunAgainAfterARestore() throws Exception {
        OperatorSubtaskState state;
        try (GenerationHarness harness = open(8)) {
            harness.send(turn("s", "r1", "full", 1000));
            harness.runAll();
            harness.send(turn("s", "r2", "full", 1001 + IDLE_MILLIS));
            for (int i = 0; i < 4; i++) {
                harness.runMail();
            }
            assertThat(harness.completions()).hasSize(1);
            state = harness.snapshot();
        }
        Completion resumed;
        try (GenerationHarness harness =
                new GenerationHarness(options(8), new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            harness.runAll();
            resumed = lastOf(harness);
        }
        try (GenerationHarness harness = open(64)) {
            harness.send(turn("s", "r1", "full", 1000));
            harness.runAll();
            harness.send(turn("s", "r2", "full", 1001 + IDLE_MILLIS));
            harness.runAll();
            assertThat(resumed.getTokenIds()).isEqualTo(lastOf(harness).getTokenIds());
            assertThat(resumed.getCache()).isEqualTo(lastOf(harness).getCache());
        }
    }

    private static Prompts.Stamped longTurn(String request, String policy, int words) {
        return Prompts.stamped(
                Prompts.turnRequest("s0", request, "a ".repeat(words), 20)
                        .setRetention(policy)
                        .build(),
                1000);
    }

    private static void runMails(GenerationHarness harness, int count) throws Exception {
        for (int i = 0; i < count; i++) {
            harness.runMail();
        }
    }

    /** Sends a turn behind one that is cancelled, and has it answered. */
    private static TreeMap<String, List<Object>> cancelAndGoOn(
            GenerationHarness harness, Prompts.Stamped next) throws Exception {
        harness.send(Prompts.cancel("s0", "r1"));
        harness.send(next);
        harness.runAll();
        return GenerationHarness.comparable(harness.completions());
    }

    @ParameterizedTest
    @ValueSource(strings = {"h2o", "fastgen"})
    void whatWasMeasuredOfATurnThatEndedBeforeItIsBackIsForgotten(String policy) throws Exception {
        Prompts.Stamped next = longTurn("r2", policy, 300);
        OperatorSubtaskState state;
        TreeMap<String, List<Object>> expected;
        int expectedEntries;
        try (GenerationHarness harness = open(16)) {
            harness.send(longTurn("r1", policy, 150));
            runMails(harness, 5);
            state = harness.snapshot();
            expected = cancelAndGoOn(harness, next);
            expectedEntries = harness.stateEntries();
        }
        try (GenerationHarness harness =
                new GenerationHarness(options(16), new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            assertThat(cancelAndGoOn(harness, next)).isEqualTo(expected).hasSize(2);
            assertThat(harness.stateEntries()).isEqualTo(expectedEntries);
        }
    }

    @Test
    void aRestThatThePoolCanNeverHoldIsSkipped() throws Exception {
        TreeMap<String, List<Object>> expected;
        try (GenerationHarness harness = open(64)) {
            harness.send(turn("s", "r1", "full", 1000));
            harness.send(turn("s", "r2", "full", 1000));
            harness.runAll();
            expected = GenerationHarness.comparable(harness.completions());
        }
        try (GenerationHarness harness =
                new GenerationHarness(
                                options(64), new HashMapStateBackend(), 1, 0, SMALL_MANAGED_BYTES)
                        .open()) {
            harness.send(turn("s", "r1", "full", 1000));
            harness.runAll();
            harness.send(turn("s", "r2", "full", 1001 + IDLE_MILLIS));
            runMails(harness, 200);
            assertThat(GenerationHarness.comparable(harness.completions())).isEqualTo(expected);
            assertThat(harness.runMail()).as("work left").isFalse();
        }
    }

    /** A cache of another kv-type, or one with slots that are gone, needs all its pages. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aCacheThatCannotBeUsedWaitsForTheRoomOfAWholeOne(boolean isOfAnotherType)
            throws Exception {
        OperatorSubtaskState state;
        Setup before = options(64, TinyModel.options(isOfAnotherType ? KvType.INT8 : KvType.F16));
        try (GenerationHarness harness =
                new GenerationHarness(before, new HashMapStateBackend(), 1, 0).open()) {
            harness.send(longTurn("r1", "streaming", 150));
            harness.runAll();
            if (!isOfAnotherType) {
                losePages(harness);
            }
            state = harness.snapshot();
        }
        try (GenerationHarness harness =
                new GenerationHarness(
                        options(64), new HashMapStateBackend(), 1, 0, SMALL_MANAGED_BYTES)) {
            harness.open(state, 1, 1);
            harness.send(Prompts.turn("other", "r", "hello", 150));
            harness.send(longTurn("r2", "streaming", 1));
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(Completion::getSessionId)
                    .containsExactly("other", "s0");
        }
    }

    /** The answer to a turn behind one that was cut when so many mails had run. */
    private static List<Object> answerBehindACut(int mails, boolean isCacheLost) throws Exception {
        try (GenerationHarness harness = open(8)) {
            harness.send(turn("s0", "r1", SCORED, 1000));
            harness.runAll();
            if (isCacheLost) {
                losePages(harness);
            }
            harness.send(turn("s0", "r2", SCORED, 1000));
            runMails(harness, mails);
            harness.send(Prompts.cancel("s0", "r2"));
            harness.send(turn("s0", "r3", SCORED, 1000));
            harness.runAll();
            return GenerationHarness.comparable(harness.completions()).get("s0/r3");
        }
    }

    /** In the midst of the first prompt, and of what was generated after it. */
    @ParameterizedTest
    @ValueSource(ints = {3, 12, 18})
    void aCutWhileALostCacheIsComputedAgainChangesNothing(int mails) throws Exception {
        List<Object> expected = answerBehindACut(3, false);
        List<Object> actual = answerBehindACut(mails, true);
        assertThat(actual.subList(0, 2)).isEqualTo(expected.subList(0, 2));
        assertThat(actual.get(4)).as("log probabilities").isEqualTo(expected.get(4));
    }
}
