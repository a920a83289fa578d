// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.Model;
import org.millrace.engine.model.StreamDecoder;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.Prompt;
import org.millrace.schemas.Completion;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.TokenDelta;

/** A turn is restored at each of its points in turn, and what comes out is the same bytes. */
class RestoreEverywhereTest {
    private static final int STEP_TOKENS = 8;
    private static final int MAX_TOKENS = 40;
    private static final long SMALL_MANAGED_BYTES = 2 * 900_000;

    /** So that the text has characters of more than one token. */
    private static final long SEED = 7;

    /** Where in a turn a snapshot fell. */
    private enum Point {
        BEFORE_THE_FIRST_STEP,
        INSIDE_THE_PROMPT,
        BETWEEN_TOKENS,
        INSIDE_A_CHARACTER,
        INSIDE_A_STOP_STRING,
        AFTER_THE_LAST
    }

    /**
     * A snapshot and what had come out until then.
     *
     * @param positions in the cache; 0 if nothing was computed
     */
    private record Snapshot(
            OperatorSubtaskState state,
            List<TokenDelta> tokens,
            List<Completion> completions,
            int positions) {}

    @TempDir private Path directory;
    private String retention = "full";

    private Path journal() {
        return directory.resolve("journal.jsonl");
    }

    private GenerationHarness harness(int parallelism, int subtask) throws Exception {
        return new GenerationHarness(options(), new HashMapStateBackend(), parallelism, subtask);
    }

    private GenerationHarness smallPool(int parallelism, int subtask) throws Exception {
        return new GenerationHarness(
                options(), new HashMapStateBackend(), parallelism, subtask, SMALL_MANAGED_BYTES);
    }

    private Setup options() {
        return Setup.of(TinyModel.path(), TinyModel.OPTIONS)
                .with(GenerationOptions.RETENTION, retention)
                .with(GenerationOptions.MAX_BATCH_TOKENS, STEP_TOKENS)
                .with(GenerationOptions.MAX_SEQUENCES, 4)
                .journal(journal());
    }

    private static Prompt turn(List<String> stopStrings) {
        PromptRequest.Builder request =
                Prompts.turnRequest("s", "r", "a prompt of more than one chunk", MAX_TOKENS);
        request.getSampling().setSeed(SEED);
        request.getSampling().setTemperature(1.5f);
        request.setLimits(
                GenerationLimits.newBuilder()
                        .setMaxTokens(MAX_TOKENS)
                        .setIgnoreEos(true)
                        .setStopStrings(stopStrings)
                        .build());
        return Prompts.prompt(request.build());
    }

    /** The turn with nothing in between. */
    private List<TokenDelta> undisturbed(Prompt turn, List<Completion> completions)
            throws Exception {
        try (GenerationHarness harness = harness(1, 0).open()) {
            harness.send(turn);
            harness.runAll();
            completions.addAll(harness.completions());
            return harness.tokens();
        }
    }

    /** The turn with a snapshot before it and after each mail. */
    private List<Snapshot> snapshots(Prompt turn) throws Exception {
        List<Snapshot> snapshots = new ArrayList<>();
        int begin = JournalLines.read(journal()).size();
        try (GenerationHarness harness = harness(1, 0).open()) {
            harness.send(turn);
            do {
                OperatorSubtaskState state = harness.snapshot();
                snapshots.add(
                        new Snapshot(
                                state, harness.tokens(), harness.completions(), positions(begin)));
            } while (harness.runMail());
        }
        return snapshots;
    }

    private int positions(int begin) throws Exception {
        List<JsonNode> lines = JournalLines.read(journal());
        return JournalLines.covered(lines.subList(begin, lines.size())).getOrDefault("s", 0);
    }

    /** Text that starts within one token and ends within the next. */
    private static String acrossTwoTokens(List<TokenDelta> tokens) {
        StringBuilder before = new StringBuilder();
        for (int i = 0; i + 1 < tokens.size(); i++) {
            String stop = tokens.get(i).getText() + tokens.get(i + 1).getText();
            boolean isAcross =
                    !tokens.get(i).getText().isEmpty() && !tokens.get(i + 1).getText().isEmpty();
            if (i > tokens.size() / 2 && isAcross && before.indexOf(stop) < 0) {
                return stop;
            }
            before.append(tokens.get(i).getText());
        }
        throw new AssertionError("no two neighbours have text");
    }

    @ParameterizedTest
    @ValueSource(strings = {"full", "fastgen"})
    void goesOnWithTheSameBytes(String policy) throws Exception {
        retention = policy;
        List<TokenDelta> free = undisturbed(turn(List.of()), new ArrayList<>());
        Set<Point> points = check(turn(List.of()));
        points.addAll(check(turn(List.of(acrossTwoTokens(free)))));
        assertThat(points).containsExactlyInAnyOrderElementsOf(EnumSet.allOf(Point.class));
    }

    private Set<Point> check(Prompt turn) throws Exception {
        List<Completion> completions = new ArrayList<>();
        List<TokenDelta> tokens = undisturbed(turn, completions);
        Set<Point> points = EnumSet.noneOf(Point.class);
        Set<Integer> tokensBefore = new TreeSet<>();
        for (Snapshot snapshot : snapshots(turn)) {
            int linesBefore = JournalLines.read(journal()).size();
            try (GenerationHarness harness = harness(1, 0)) {
                harness.open(snapshot.state(), 1, 1);
                harness.runAll();
                List<TokenDelta> all = new ArrayList<>(snapshot.tokens());
                all.addAll(harness.tokens());
                assertThat(tokenBytes(all)).isEqualTo(tokenBytes(tokens));
                List<Completion> answers = new ArrayList<>(snapshot.completions());
                answers.addAll(harness.completions());
                assertThat(completionBytes(answers)).isEqualTo(completionBytes(completions));
            }
            List<JsonNode> lines = JournalLines.read(journal());
            assertThat(
                            JournalLines.repeated(
                                    lines.subList(linesBefore, lines.size()),
                                    Map.of("s", snapshot.positions())))
                    .isEmpty();
            points.add(point(snapshot, completions.get(0)));
            tokensBefore.add(snapshot.tokens().size());
        }
        assertThat(tokensBefore).as("one at each token").hasSize(tokens.size() + 1);
        return points;
    }

    private static Point point(Snapshot snapshot, Completion completion) throws Exception {
        if (!snapshot.completions().isEmpty()) {
            return Point.AFTER_THE_LAST;
        }
        if (snapshot.tokens().isEmpty()) {
            return snapshot.positions() == 0
                    ? Point.BEFORE_THE_FIRST_STEP
                    : Point.INSIDE_THE_PROMPT;
        }
        StringBuilder sent = new StringBuilder();
        snapshot.tokens().forEach(token -> sent.append(token.getText()));
        try (Model model = Model.open(TinyModel.path(), TinyModel.OPTIONS)) {
            StreamDecoder decoder = model.tokenizer().newStreamDecoder();
            StringBuilder decoded = new StringBuilder();
            snapshot.tokens().forEach(token -> decoded.append(decoder.append(token.getTokenId())));
            if (decoded.length() > sent.length()) {
                assertThat(completion.getFinishReason()).isEqualTo("stop_string");
                return Point.INSIDE_A_STOP_STRING;
            }
            return decoder.flush().isEmpty() ? Point.BETWEEN_TOKENS : Point.INSIDE_A_CHARACTER;
        }
    }

    private static List<String> tokenBytes(List<TokenDelta> tokens) {
        return tokens.stream()
                .map(token -> HexFormat.of().formatHex(RecordCodec.TOKEN_DELTA.encode(token)))
                .toList();
    }

    /**
     * All but timings, which no run repeats, and the cache's state, which a page more may change.
     */
    private static List<String> completionBytes(List<Completion> completions) {
        Completion empty = Completion.newBuilder().build();
        return completions.stream()
                .map(
                        completion ->
                                Completion.newBuilder(completion)
                                        .setTimings(empty.getTimings())
                                        .setCache(empty.getCache())
                                        .build())
                .map(
                        completion ->
                                HexFormat.of().formatHex(RecordCodec.COMPLETION.encode(completion)))
                .toList();
    }

    /** A turn to each session of that subtask. */
    private static void send(
            GenerationHarness harness, int sessions, String request, int parallelism, int subtask)
            throws Exception {
        for (int session = 0; session < sessions; session++) {
            String key = "s" + session;
            int owner =
                    KeyGroupRangeAssignment.assignKeyToParallelOperator(
                            key, GenerationHarness.MAX_PARALLELISM, parallelism);
            if (owner == subtask) {
                harness.send(
                        Prompts.turn(
                                key, request, ("turn of " + key + ", ").repeat(5) + request, 10));
            }
        }
    }

    /**
     * More sessions than the pool has room for, all idle, come back at another parallelism: of
     * their next turns only the new tokens are computed.
     */
    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void idleSessionsBeyondThePoolComputeOnlyTheirNewTurns(int parallelism) throws Exception {
        int sessions = 16;
        OperatorSubtaskState state;
        TreeMap<String, List<Object>> expected;
        try (GenerationHarness harness = smallPool(1, 0).open()) {
            send(harness, sessions, "r1", 1, 0);
            harness.runAll();
            assertThat(harness.completions()).hasSize(sessions);
            long bytes =
                    harness.completions().stream().mapToLong(c -> c.getCache().getBytes()).sum();
            assertThat(bytes)
                    .as("bytes of all caches, half of the memory is the pool")
                    .isGreaterThan(SMALL_MANAGED_BYTES / 2);
            state = harness.snapshot();
            send(harness, sessions, "r2", 1, 0);
            harness.runAll();
            expected =
                    GenerationHarness.comparable(
                            harness.completions().subList(sessions, 2 * sessions));
        }
        Map<String, Integer> stored = new TreeMap<>();
        List<JsonNode> before = JournalLines.read(journal());
        before.stream()
                .filter(line -> line.get("event").asText().equals("store"))
                .forEach(
                        line ->
                                stored.putIfAbsent(
                                        line.get("session").asText(),
                                        line.get("positions").asInt()));
        List<Completion> completions = new ArrayList<>();
        for (int subtask = 0; subtask < parallelism; subtask++) {
            try (GenerationHarness harness = smallPool(parallelism, subtask)) {
                harness.open(state, 1, 1);
                send(harness, sessions, "r2", parallelism, subtask);
                harness.runAll();
                completions.addAll(harness.completions());
            }
        }
        assertThat(GenerationHarness.comparable(completions)).isEqualTo(expected);
        List<JsonNode> lines = JournalLines.read(journal());
        List<JsonNode> after = lines.subList(before.size(), lines.size());
        assertThat(JournalLines.repeated(after, stored)).isEmpty();
        assertThat(JournalLines.computed(after)).isNotEmpty();
    }
}
