// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.state.ImmutableBytes;
import org.millrace.operators.state.ImmutableBytesSerializer;
import org.millrace.schemas.Completion;
import org.millrace.schemas.TokenDelta;

/**
 * Turns in the middle of a prompt or of an answer come back from a snapshot and go on at their
 * exact next token.
 */
class GenerationRestoreTest {
    private static final int SESSIONS = 8;

    private static TreeMap<String, List<Object>> undisturbed;

    private final List<Completion> completedBefore = new ArrayList<>();

    @TempDir private Path directory;

    private Setup options(Path model, ModelOptions modelOptions, boolean allowChange) {
        return Setup.of(model, modelOptions)
                .with(GenerationOptions.MAX_BATCH_TOKENS, 16)
                .with(GenerationOptions.MAX_SEQUENCES, SESSIONS)
                .with(GenerationOptions.ALLOW_MODEL_CHANGE, allowChange)
                .journal(journal());
    }

    private Setup options() {
        return options(TinyModel.path(), TinyModel.OPTIONS, false);
    }

    private Path journal() {
        return directory.resolve("journal.jsonl");
    }

    private static StateBackend backend(String name) {
        return switch (name) {
            case "hashmap" -> new HashMapStateBackend();
            case "rocksdb" -> new EmbeddedRocksDBStateBackend(false);
            default -> throw new IllegalArgumentException(name);
        };
    }

    /**
     * Two turns for each session, all sent at once: prompts longer than a step's budget, so that
     * they come in chunks.
     */
    private static void sendAll(GenerationHarness harness) throws Exception {
        for (String request : List.of("r1", "r2")) {
            for (int session = 0; session < SESSIONS; session++) {
                String text = "session " + session + " asks " + request + " ".repeat(session) + "?";
                harness.send(Prompts.turn("s" + session, request, text, 12 + session));
            }
        }
    }

    @BeforeAll
    static void runUndisturbed() throws Exception {
        Setup options =
                Setup.of(TinyModel.path(), TinyModel.OPTIONS)
                        .with(
                                GenerationOptions.RETENTION,
                                GenerationOptions.RETENTION.defaultValue());
        try (GenerationHarness harness =
                new GenerationHarness(options, new HashMapStateBackend(), 1, 0).open()) {
            sendAll(harness);
            harness.runAll();
            undisturbed = GenerationHarness.comparable(harness.completions());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "hashmap, 1, 20",
        "hashmap, 2, 20",
        "hashmap, 3, 90",
        "rocksdb, 1, 90",
        "rocksdb, 2, 20",
        "rocksdb, 3, 20"
    })
    void goesOnAtTheExactNextToken(String backend, int parallelism, int tokens) throws Exception {
        List<Completion> completions = new ArrayList<>();
        List<TokenDelta> sent = new ArrayList<>();
        OperatorSubtaskState state;
        int committedLines;
        try (GenerationHarness harness =
                new GenerationHarness(options(), backend(backend), 1, 0).open()) {
            sendAll(harness);
            harness.runUntilTokens(tokens);
            state = harness.snapshot();
            completions.addAll(harness.completions());
            committedLines = JournalLines.read(journal()).size();
            harness.runUntilTokens(tokens + 30);
            sent.addAll(harness.tokens());
        }
        int linesBefore = JournalLines.read(journal()).size();
        for (int subtask = 0; subtask < parallelism; subtask++) {
            try (GenerationHarness harness =
                    new GenerationHarness(options(), backend(backend), parallelism, subtask)) {
                harness.open(state, 1, 1);
                harness.runAll();
                completions.addAll(harness.completions());
                sent.addAll(harness.tokens());
            }
        }
        assertThat(GenerationHarness.comparable(completions)).isEqualTo(undisturbed);
        assertRepeatsAreEqual(sent);
        List<JsonNode> lines = JournalLines.read(journal());
        Map<String, Integer> covered = JournalLines.covered(lines.subList(0, committedLines));
        List<JsonNode> after = lines.subList(linesBefore, lines.size());
        assertThat(covered).hasSizeGreaterThan(SESSIONS / 2);
        assertThat(JournalLines.computed(after)).isNotEmpty();
        assertThat(JournalLines.repeated(after, covered)).isEmpty();
    }

    /** Processor, emulated GPU, processor: state has no trace of where its pages were computed. */
    @Test
    void movesToAGpuAndBackInMidGeneration() throws Exception {
        Path driver = Path.of("..", "engine", "target", "cuda-host", "libcuda.so.1");
        assumeThat(driver).as("emulated CUDA device, built by g++ on Linux x86_64").exists();
        System.setProperty("millrace.cuda.driver", driver.toString());
        ModelOptions onGpu = new ModelOptions(KvType.F16, ActivationType.INT8, "cuda", 1);
        List<Completion> completions = new ArrayList<>();
        List<TokenDelta> sent = new ArrayList<>();
        OperatorSubtaskState state;
        try (GenerationHarness harness =
                new GenerationHarness(options(), new HashMapStateBackend(), 1, 0).open()) {
            sendAll(harness);
            harness.runUntilTokens(30);
            state = harness.snapshot();
            completions.addAll(harness.completions());
            harness.runUntilTokens(40);
            sent.addAll(harness.tokens());
        }
        Setup gpuOptions = options(TinyModel.path(), onGpu, false);
        try (GenerationHarness harness =
                new GenerationHarness(gpuOptions, new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            harness.runUntilTokens(60);
            state = harness.snapshot();
            completions.addAll(harness.completions());
            harness.runUntilTokens(70);
            sent.addAll(harness.tokens());
        }
        try (GenerationHarness harness =
                new GenerationHarness(options(), new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            harness.runAll();
            completions.addAll(harness.completions());
            sent.addAll(harness.tokens());
        }
        assertThat(GenerationHarness.comparable(completions)).isEqualTo(undisturbed);
        assertRepeatsAreEqual(sent);
    }

    private static void assertRepeatsAreEqual(List<TokenDelta> tokens) {
        Map<String, TokenDelta> byIndex = new TreeMap<>();
        for (TokenDelta token : tokens) {
            String key = token.getSessionId() + "/" + token.getRequestId() + "/" + token.getIndex();
            TokenDelta before = byIndex.put(key, token);
            assertThat(before == null || before.equals(token)).as(key).isTrue();
        }
        assertThat(byIndex.size()).isLessThan(tokens.size());
    }

    @ParameterizedTest
    @CsvSource({"hashmap", "rocksdb"})
    void rescalesFromOneToTwoAndBack(String backend) throws Exception {
        List<Completion> completions = new ArrayList<>();
        OperatorSubtaskState one;
        try (GenerationHarness harness =
                new GenerationHarness(options(), backend(backend), 1, 0).open()) {
            sendAll(harness);
            harness.runUntilTokens(10);
            one = harness.snapshot();
            completions.addAll(harness.completions());
        }
        OperatorSubtaskState[] two = new OperatorSubtaskState[2];
        for (int subtask = 0; subtask < 2; subtask++) {
            try (GenerationHarness harness =
                    new GenerationHarness(options(), backend(backend), 2, subtask)) {
                harness.open(one, 1, 1);
                harness.runUntilTokens(25);
                two[subtask] = harness.snapshot();
                completions.addAll(harness.completions());
            }
        }
        try (GenerationHarness harness = new GenerationHarness(options(), backend(backend), 1, 0)) {
            harness.open(OneInputStreamOperatorTestHarness.repackageState(two), 2, 1);
            harness.runAll();
            completions.addAll(harness.completions());
        }
        assertThat(GenerationHarness.comparable(completions)).isEqualTo(undisturbed);
    }

    /**
     * Snapshot in mid-generation, then restore with other options or after {@code harm} was done to
     * the state.
     */
    private List<Completion> restoreWith(Setup options, Function<GenerationHarness, Void> harm)
            throws Exception {
        OperatorSubtaskState state;
        try (GenerationHarness harness =
                new GenerationHarness(options(), new HashMapStateBackend(), 1, 0).open()) {
            sendAll(harness);
            harness.runUntilTokens(60);
            state = harness.snapshot();
            completedBefore.addAll(harness.completions());
        }
        try (GenerationHarness harness =
                new GenerationHarness(options, new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            harm.apply(harness);
            harness.runAll();
            return harness.completions();
        }
    }

    private static Void flipBits(GenerationHarness harness) {
        try {
            KeyedStateBackend<String> backend =
                    harness.flink().getOperator().getKeyedStateBackend();
            for (int session = 0; session < SESSIONS; session++) {
                backend.setCurrentKey("s" + session);
                MapState<Long, ImmutableBytes> slots =
                        backend.getPartitionedState(
                                VoidNamespace.INSTANCE,
                                VoidNamespaceSerializer.INSTANCE,
                                new MapStateDescriptor<>(
                                        "slots",
                                        LongSerializer.INSTANCE,
                                        new ImmutableBytesSerializer()));
                for (long id : slots.keys()) {
                    byte[] entry = slots.get(id).array().clone();
                    entry[entry.length / 2] ^= 1;
                    slots.put(id, new ImmutableBytes(entry));
                }
            }
            return null;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void corruptSlotsAreComputedAgainFromTheTokens() throws Exception {
        List<Completion> completions =
                new ArrayList<>(restoreWith(options(), GenerationRestoreTest::flipBits));
        completions.addAll(completedBefore);
        assertThat(texts(completions)).isEqualTo(texts(undisturbed));
        assertThat(computedAgain()).as("sessions with slots").isNotEmpty();
    }

    /** Lines after the snapshot that computed what it covered. */
    private List<JsonNode> computedAgain() throws Exception {
        List<JsonNode> lines = JournalLines.read(journal());
        int snapshotEnd = 0;
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).get("event").asText().equals("snapshot")) {
                snapshotEnd = i + 1;
            }
        }
        return JournalLines.repeated(
                lines.subList(snapshotEnd, lines.size()),
                JournalLines.covered(lines.subList(0, snapshotEnd)));
    }

    @Test
    void cacheOfAnotherKvTypeIsNotRead() throws Exception {
        List<Completion> completions =
                restoreWith(
                        options(TinyModel.path(), TinyModel.options(KvType.INT8), false),
                        harness -> null);
        assertThat(completions.size() + completedBefore.size()).isEqualTo(2 * SESSIONS);
        assertThat(computedAgain()).isNotEmpty();
    }

    @Test
    void anotherModelIsRefusedByName() {
        assertThatThrownBy(
                        () ->
                                restoreWith(
                                        options(TinyModel.otherPath(), TinyModel.OPTIONS, false),
                                        harness -> null))
                .hasStackTraceContaining("ModelChangedException")
                .hasStackTraceContaining("allow-model-change");
    }

    @Test
    void anotherModelGoesOnWhereAllowed() throws Exception {
        List<Completion> completions =
                restoreWith(
                        options(TinyModel.otherPath(), TinyModel.OPTIONS, true), harness -> null);
        assertThat(completions.size() + completedBefore.size()).isEqualTo(2 * SESSIONS);
        assertThat(completions)
                .filteredOn(completion -> completion.getModelFingerprint().contains(","))
                .as("turns of two models")
                .isNotEmpty();
    }

    @Test
    void cancelReachesATurnThatIsNotBackYet() throws Exception {
        OperatorSubtaskState state;
        int generated;
        try (GenerationHarness harness =
                new GenerationHarness(options(), new HashMapStateBackend(), 1, 0).open()) {
            harness.send(Prompts.turn("s", "r", "hello", 50));
            harness.runUntilTokens(5);
            generated = harness.tokens().size();
            state = harness.snapshot();
        }
        try (GenerationHarness harness =
                new GenerationHarness(options(), new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            harness.send(Prompts.cancel("s", "r"));
            assertThat(harness.completions())
                    .singleElement()
                    .satisfies(
                            completion -> {
                                assertThat(completion.getFinishReason()).isEqualTo("cancelled");
                                assertThat(completion.getTokenIds()).hasSize(generated);
                                assertThat(completion.getText()).isNotEmpty();
                            });
            harness.send(Prompts.turn("s", "r2", "more", 5));
            harness.runAll();
            assertThat(harness.completions().get(1).getUsage().getReusedTokens()).isPositive();
        }
    }

    @Test
    void sixtyFourLiveSessionsGoOn() throws Exception {
        Setup options =
                Setup.of(TinyModel.path(), TinyModel.OPTIONS)
                        .with(GenerationOptions.MAX_BATCH_TOKENS, 64)
                        .with(GenerationOptions.MAX_SEQUENCES, 64)
                        .journal(journal());
        List<Completion> completions = new ArrayList<>();
        OperatorSubtaskState state;
        TreeMap<String, List<Object>> expected;
        try (GenerationHarness harness =
                new GenerationHarness(options, new HashMapStateBackend(), 1, 0).open()) {
            for (int session = 0; session < 64; session++) {
                harness.send(Prompts.turn("s" + session, "r", "number " + session, 10));
            }
            harness.runUntilTokens(150);
            state = harness.snapshot();
            assertThat(JournalLines.read(journal()))
                    .filteredOn(line -> line.get("event").asText().equals("snapshot"))
                    .hasSize(64);
            harness.runAll();
            expected = GenerationHarness.comparable(harness.completions());
        }
        for (int subtask = 0; subtask < 2; subtask++) {
            try (GenerationHarness harness =
                    new GenerationHarness(options, new HashMapStateBackend(), 2, subtask)) {
                harness.open(state, 1, 1);
                harness.runAll();
                completions.addAll(harness.completions());
            }
        }
        assertThat(GenerationHarness.comparable(completions)).isEqualTo(expected).hasSize(64);
    }

    private static Map<String, Object> texts(Map<String, List<Object>> completions) {
        Map<String, Object> texts = new TreeMap<>();
        completions.forEach((key, fields) -> texts.put(key, fields.get(0)));
        return texts;
    }

    private static Map<String, Object> texts(List<Completion> completions) {
        return texts(GenerationHarness.comparable(completions));
    }
}
