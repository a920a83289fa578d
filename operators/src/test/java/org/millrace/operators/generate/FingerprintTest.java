// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.millrace.engine.Model;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.model.Tokenizer;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.state.ImmutableBytes;
import org.millrace.operators.state.ImmutableBytesSerializer;
import org.millrace.operators.state.RunningTurn;
import org.millrace.operators.state.RunningTurnSerializer;
import org.millrace.operators.state.SessionRecord;
import org.millrace.operators.state.SessionRecordSerializer;

/**
 * A cache that was computed by other rules is never read: its session is computed again from its
 * tokens, as if nothing had been.
 */
class FingerprintTest {
    private static final int SESSIONS = 4;
    private static final int FINGERPRINT_OFFSET = 8;
    private static final int CRC_BYTES = 4;
    private static final int UNKNOWN_TOKEN = 100_000;
    private static final String OTHER_MODEL = "0".repeat(64);

    /** What a fingerprint is of, but for the model; {@code docs/state-format.md} names them. */
    private static final List<String> RULES =
            List.of(
                    "numerics=1",
                    "page=1",
                    "pageSlots=32",
                    "kv=F16",
                    "activations=INT8",
                    "retention=2");

    private TreeMap<String, List<Object>> undisturbed;

    @TempDir private Path directory;

    private Setup options(Path model, boolean allowModelChange) {
        return Setup.of(model, TinyModel.OPTIONS)
                .with(GenerationOptions.MAX_BATCH_TOKENS, 64)
                .with(GenerationOptions.MAX_SEQUENCES, SESSIONS)
                .with(GenerationOptions.ALLOW_MODEL_CHANGE, allowModelChange)
                .journal(journal());
    }

    private Path journal() {
        return directory.resolve("journal.jsonl");
    }

    private OperatorSubtaskState snapshot() throws Exception {
        try (GenerationHarness harness =
                new GenerationHarness(
                                options(TinyModel.path(), false), new HashMapStateBackend(), 1, 0)
                        .open()) {
            for (int session = 0; session < SESSIONS; session++) {
                harness.send(Prompts.turn("s" + session, "r", "question " + session, 30));
            }
            harness.runUntilTokens(40);
            OperatorSubtaskState state = harness.snapshot();
            assertThat(harness.completions()).isEmpty();
            Files.delete(journal());
            harness.runAll();
            undisturbed = GenerationHarness.comparable(harness.completions());
            return state;
        }
    }

    @ParameterizedTest
    @CsvSource({
        "numerics=1, numerics=2",
        "page=1, page=2",
        "pageSlots=32, pageSlots=16",
        "kv=F16, kv=INT8",
        "activations=INT8, activations=F32",
        "retention=2, retention=1"
    })
    void cacheOfOtherRulesIsComputedAgain(String rule, String other) throws Exception {
        OperatorSubtaskState state = snapshot();
        List<String> others = new ArrayList<>(RULES);
        others.set(RULES.indexOf(rule), other);
        try (GenerationHarness harness =
                new GenerationHarness(
                        options(TinyModel.path(), false), new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            for (int session = 0; session < SESSIONS; session++) {
                setFingerprint(harness, "s" + session, fingerprint(RULES), fingerprint(others));
            }
            harness.runAll();
            assertThat(GenerationHarness.comparable(harness.completions())).isEqualTo(undisturbed);
        }
        List<JsonNode> lines = JournalLines.read(journal());
        assertThat(lines).noneMatch(line -> line.get("event").asText().equals("restore"));
        assertThat(lines)
                .filteredOn(line -> line.has("from") && line.get("from").asInt() == 0)
                .hasSize(SESSIONS);
    }

    private static byte[] fingerprint(List<String> rules) throws Exception {
        try (Model model = Model.open(TinyModel.path(), TinyModel.OPTIONS)) {
            String all = model.fingerprint() + "\n" + String.join("\n", rules);
            return MessageDigest.getInstance("SHA-256")
                    .digest(all.getBytes(StandardCharsets.UTF_8));
        }
    }

    private static void setFingerprint(
            GenerationHarness harness, String session, byte[] expected, byte[] other)
            throws Exception {
        ValueState<ImmutableBytes> state =
                state(harness, session, "cache-header", new ImmutableBytesSerializer());
        ByteBuffer header =
                ByteBuffer.wrap(state.value().array().clone()).order(ByteOrder.LITTLE_ENDIAN);
        byte[] stored = new byte[expected.length];
        header.get(FINGERPRINT_OFFSET, stored);
        assertThat(stored).isEqualTo(expected);
        header.put(FINGERPRINT_OFFSET, other);
        int end = header.capacity() - CRC_BYTES;
        CRC32C crc = new CRC32C();
        crc.update(header.array(), 0, end);
        header.putInt(end, (int) crc.getValue());
        state.update(new ImmutableBytes(header.array()));
    }

    @Test
    void anotherTokenizerIsAnotherModel() throws Exception {
        OperatorSubtaskState state = snapshot();
        Path renamed = directory.resolve("renamed.gguf");
        String bytes = Files.readString(TinyModel.path(), StandardCharsets.ISO_8859_1);
        Files.writeString(
                renamed, bytes.replace("<unused319>", "<renamed19>"), StandardCharsets.ISO_8859_1);
        try (GenerationHarness harness =
                new GenerationHarness(options(renamed, false), new HashMapStateBackend(), 1, 0)) {
            assertThatThrownBy(() -> harness.open(state, 1, 1))
                    .hasStackTraceContaining("ModelChangedException")
                    .hasStackTraceContaining("allow-model-change");
        }
        try (GenerationHarness harness =
                new GenerationHarness(options(renamed, true), new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            harness.runAll();
            assertThat(harness.completions())
                    .hasSize(SESSIONS)
                    .allMatch(completion -> completion.getModelFingerprint().contains(","));
        }
        assertThat(JournalLines.read(journal()))
                .noneMatch(line -> line.get("event").asText().equals("restore"));
    }

    @Test
    void tokensThatTheModelDoesNotKnowAreADeadLetter() throws Exception {
        OperatorSubtaskState state = snapshot();
        try (GenerationHarness harness =
                new GenerationHarness(
                        options(TinyModel.path(), true), new HashMapStateBackend(), 1, 0)) {
            harness.open(state, 1, 1);
            ValueState<RunningTurn> turn =
                    state(harness, "s0", "turn", new RunningTurnSerializer());
            turn.update(withUnknownToken(turn.value(), firstToken()));
            ValueState<RunningTurn> cancelled =
                    state(harness, "s3", "turn", new RunningTurnSerializer());
            cancelled.update(withUnknownToken(cancelled.value(), firstToken()));
            harness.send(Prompts.cancel("s3", "r"));
            harness.runAll();
            assertThat(harness.completions()).hasSize(SESSIONS - 2);

            ValueState<SessionRecord> session =
                    state(harness, "s1", "session", new SessionRecordSerializer());
            Transcript unknown =
                    new Transcript(new int[] {UNKNOWN_TOKEN}, session.value().transcript().turns());
            session.update(session.value().with(unknown, OTHER_MODEL));
            harness.send(Prompts.turn("s1", "r2", "and then?", 3));
            harness.send(Prompts.turn("s2", "r2", "and then?", 3));
            harness.runAll();

            assertThat(harness.completions()).hasSize(SESSIONS - 1);
            assertThat(harness.deadLetters())
                    .extracting(letter -> letter.reason().code())
                    .containsExactly("other_model", "other_model", "other_model");
            assertThat(harness.deadLetters().get(0).detail())
                    .contains("token=" + UNKNOWN_TOKEN + " of model " + OTHER_MODEL)
                    .contains("vocabSize=");
        }
    }

    private static int firstToken() {
        try (Model model = Model.open(TinyModel.path(), TinyModel.OPTIONS)) {
            Tokenizer tokenizer = model.tokenizer();
            return tokenizer.beginOfSequence() >= 0
                    ? tokenizer.beginOfSequence()
                    : tokenizer.encode("question 0", false)[0];
        }
    }

    /** The turn as a model with more tokens would have left it. */
    private static RunningTurn withUnknownToken(RunningTurn turn, int firstToken) {
        byte[] bytes = turn.sequence().clone();
        int count = Sequence.savedTokens(bytes).length;
        ByteBuffer sequence = ByteBuffer.wrap(bytes);
        int at = 0;
        while (sequence.getInt(at) != count || sequence.getInt(at + 4) != firstToken) {
            at++;
        }
        sequence.putInt(at + 4, UNKNOWN_TOKEN);
        return new RunningTurn(
                bytes,
                turn.positions(),
                OTHER_MODEL,
                turn.startedMillis(),
                turn.firstTokenMillis());
    }

    private static <T> ValueState<T> state(
            GenerationHarness harness, String session, String name, TypeSerializer<T> serializer)
            throws Exception {
        KeyedStateBackend<String> backend = harness.flink().getOperator().getKeyedStateBackend();
        backend.setCurrentKey(session);
        return backend.getPartitionedState(
                VoidNamespace.INSTANCE,
                VoidNamespaceSerializer.INSTANCE,
                new ValueStateDescriptor<>(name, serializer));
    }
}
