// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.millrace.engine.batch.SessionTurn;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.Prompt;
import org.millrace.operators.RejectedPrompt;
import org.millrace.operators.state.SessionRecord.Answered;
import org.millrace.operators.state.SessionWork.Kind;
import org.millrace.operators.types.PromptEnvelopeSerializer;
import org.millrace.operators.types.PromptEnvelopeSerializer.StampedPrompt;
import org.millrace.operators.types.PromptSerializer;
import org.millrace.operators.types.RejectedPromptSerializer;
import org.millrace.schemas.Header;
import org.millrace.schemas.PromptRequest;

/** State and records as bytes: what was written once must be read for ever. */
class FrameFormatsTest {
    private static final HexFormat HEX = HexFormat.of();

    /** A value and its bytes. */
    record Golden<T>(TypeSerializer<T> serializer, T value, String hex) {
        @Override
        public String toString() {
            return serializer.getClass().getSimpleName();
        }
    }

    static Stream<Golden<?>> goldens() {
        return Stream.of(ownFormats(), formatsAroundAvro(), formatFour()).flatMap(all -> all);
    }

    /** Of state format 4: no longer written. */
    static Stream<Golden<?>> formatFour() {
        List<SessionTurn> turns =
                List.of(
                        new SessionTurn(0, 1, 0, Retention.FULL),
                        new SessionTurn(2, 1, 0, Retention.of("kvzip")));
        return Stream.of(
                new Golden<>(
                        SessionWorkSerializer.INSTANCE,
                        new SessionWork(
                                List.of(
                                        new SessionWork.Entry(0, Kind.TURN, -1, 5),
                                        new SessionWork.Entry(1, Kind.END_SESSION, 0, 6),
                                        new SessionWork.Entry(2, Kind.REST, 0, 7))),
                        "02000000000000000300000003000000000000000000037231ffffffff00000000000000"
                                + "050000000000000001010100000000000000000000000600000000000000020201000000000000000000000007"),
                new Golden<>(
                        SessionRecordSerializer.INSTANCE,
                        new SessionRecord(
                                new Transcript(new int[] {1, 700}, turns),
                                List.of(new Answered("r1", 0), new Answered("r2", 0)),
                                "ab"),
                        "020000000200000001000002bc0000000203723103723203616200000002000000000000000100000000000466756c6c00000002"
                                + "000000010000000000176b767a6970206b6565703d302e32352073696e6b733d34"),
                new Golden<>(
                        LastPromptSerializer.INSTANCE,
                        new LastPrompt(1000, 0),
                        "010870726f6d7074730000000300000000000003e800000000000007d0"),
                new Golden<>(
                        PromptEnvelopeSerializer.INSTANCE,
                        new StampedPrompt(
                                new Prompt(
                                        PromptRequest.newBuilder()
                                                .setSessionId("s")
                                                .setRequestId("r")
                                                .setText("hello")
                                                .build(),
                                        List.of(
                                                new Header("h", utf8("v")),
                                                new Header("empty", null),
                                                new Header("millrace-prompt", utf8("prompts/1/2"))),
                                        HEX.parseHex(
                                                "010870726f6d707473000000010000000000000002000000000000000300000001010000000000000001"
                                                        + "413462663531323266333434353534633533626465326562623863643262376533643136"
                                                        + "30306164363331633338356135643763636532336337373835343539"
                                                        + "61")),
                                3),
                        "0100000030c301f1b45f99598201ab0002730272020a68656c6c6f000000000000000080"
                                + "3f000000000000803f00008004000000000870726f6d7074730000000100000000000000"
                                + "020000000000000003000000020268000000017606656d707479ffffffff000000010100"
                                + "000000000000014134626635313232663334343535346335336264653265626238636432"
                                + "623765336431363030616436333163333835613564376363653233633737383534353961"));
    }

    static Stream<Golden<?>> ownFormats() {
        return Stream.of(
                new Golden<>(
                        SessionRecordSerializer.INSTANCE,
                        new SessionRecord(
                                new Transcript(
                                        new int[] {1, 700},
                                        List.of(
                                                new SessionTurn(0, 1, 0, Retention.FULL),
                                                new SessionTurn(2, 1, 0, Retention.of("kvzip")))),
                                List.of(new Answered("r1", 9), new Answered("r2", 10)),
                                "ab"),
                        "030000000200000001000002bc00000002037231000000090372320000000a0361620000000200000000000000010000"
                                + "0000000466756c6c00000002000000010000000000176b767a6970206b6565703d302e32352073696e6b733d34"),
                new Golden<>(
                        SessionQueueSerializer.INSTANCE,
                        new SessionQueue(3, 7, 2, 600, 5),
                        "01000000000000000300000000000000070000000200000000000002580000000000000005"),
                new Golden<>(
                        QueuedSerializer.INSTANCE,
                        new Queued.Rest(-1, 7),
                        "01010000000000000007ffffffff"),
                new Golden<>(QueuedSerializer.INSTANCE, new Queued.End(8), "01020000000000000008"),
                new Golden<>(
                        RunningTurnSerializer.INSTANCE,
                        new RunningTurn(new byte[] {1, 2}, 300, "ab", 7, 8),
                        "010000000201020000012c03616200000000000000070000000000000008"),
                new Golden<>(
                        LastPromptSerializer.INSTANCE,
                        new LastPrompt(1000, 2000),
                        "0200000000000003e800000000000007d0"),
                new Golden<>(
                        ImmutableBytesSerializer.INSTANCE,
                        new ImmutableBytes(new byte[] {9, 8, 7}),
                        "0100000003090807"));
    }

    /** Written anew when an Avro schema grows; what is here must still be read. */
    static Stream<Golden<?>> formatsAroundAvro() {
        Prompt prompt =
                new Prompt(
                        PromptRequest.newBuilder()
                                .setSessionId("s")
                                .setRequestId("r")
                                .setText("hello")
                                .build(),
                        List.of(new Header("h", utf8("v")), new Header("empty", null)),
                        new byte[] {4, 5});
        return Stream.of(
                new Golden<>(
                        PromptSerializer.INSTANCE,
                        prompt,
                        "0100000032c30182d6a569b840b47b0002730272020a68656c6c6f0000000000000000803f000000000000803f000080"
                                + "04000000000000000000020268000000017606656d707479ffffffff000000020405"),
                new Golden<>(
                        QueuedSerializer.INSTANCE,
                        new Queued.Turn(prompt, 8, 9),
                        "0100000000000000000800000000000000090100000032c30182d6a569b840b47b0002730272020a68656c6c6f000000"
                                + "0000000000803f000000000000803f00008004000000000000000000020268000000017606656d707479ffffffff0000"
                                + "00020405"),
                new Golden<>(
                        RejectedPromptSerializer.INSTANCE,
                        new RejectedPrompt(prompt, DeadLetterReason.FAILED, "why", "partial"),
                        "010100000032c30182d6a569b840b47b0002730272020a68656c6c6f0000000000000000803f000000000000803f0000"
                                + "8004000000000000000000020268000000017606656d707479ffffffff000000020405076661696c6564047768790870"
                                + "61727469616c"));
    }

    private static ByteBuffer utf8(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private static <T> byte[] write(TypeSerializer<T> serializer, T value) throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(64);
        serializer.serialize(value, out);
        return out.getCopyOfBuffer();
    }

    @ParameterizedTest
    @MethodSource("ownFormats")
    <T> void writesVersionOneAsEver(Golden<T> golden) throws IOException {
        assertThat(HEX.formatHex(write(golden.serializer(), golden.value())))
                .isEqualTo(golden.hex());
    }

    @ParameterizedTest
    @MethodSource("goldens")
    <T> void readsVersionOne(Golden<T> golden) throws IOException {
        DataInputDeserializer in = new DataInputDeserializer(HEX.parseHex(golden.hex()));
        T read = golden.serializer().deserialize(in);
        assertThat(in.available()).isZero();
        assertThat(read).usingRecursiveComparison().isEqualTo(golden.value());
    }

    @ParameterizedTest
    @MethodSource("goldens")
    <T> void valuesAreNeverCopied(Golden<T> golden) {
        assertThat(golden.serializer().isImmutableType()).isTrue();
        assertThat(golden.serializer().copy(golden.value())).isSameAs(golden.value());
    }

    @ParameterizedTest
    @MethodSource("goldens")
    <T> void snapshotOfTheSerializerIsCompatible(Golden<T> golden) throws IOException {
        TypeSerializerSnapshot<T> written = golden.serializer().snapshotConfiguration();
        DataOutputSerializer out = new DataOutputSerializer(64);
        TypeSerializerSnapshot.writeVersionedSnapshot(out, written);
        TypeSerializerSnapshot<T> read =
                TypeSerializerSnapshot.readVersionedSnapshot(
                        new DataInputDeserializer(out.getCopyOfBuffer()),
                        getClass().getClassLoader());
        assertThat(
                        golden.serializer()
                                .snapshotConfiguration()
                                .resolveSchemaCompatibility(read)
                                .isCompatibleAsIs())
                .isTrue();
        assertThat(read.restoreSerializer()).isEqualTo(golden.serializer());
    }

    @Test
    void laterVersionIsRefusedByName() {
        assertThatThrownBy(
                        () ->
                                ImmutableBytesSerializer.INSTANCE.deserialize(
                                        new DataInputDeserializer(new byte[] {2, 0, 0, 0, 0})))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("formatVersion=2")
                .hasMessageContaining("ImmutableBytesSerializer");
    }

    @Test
    void laterVersionIsRefusedBeforeAValueIsRead() throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(64);
        out.writeUTF(ImmutableBytesSerializer.Snapshot.class.getName());
        out.writeInt(4);
        out.writeInt(2);
        TypeSerializerSnapshot<ImmutableBytes> later =
                TypeSerializerSnapshot.readVersionedSnapshot(
                        new DataInputDeserializer(out.getCopyOfBuffer()),
                        getClass().getClassLoader());
        assertThat(
                        ImmutableBytesSerializer.INSTANCE
                                .snapshotConfiguration()
                                .resolveSchemaCompatibility(later)
                                .isIncompatible())
                .isTrue();
    }

    @Test
    void snapshotsOfFormatFourAreRead() throws IOException {
        DataOutputSerializer out = new DataOutputSerializer(64);
        out.writeUTF(RunningTurnSerializer.Snapshot.class.getName());
        out.writeInt(3);
        TypeSerializerSnapshot<RunningTurn> silent =
                TypeSerializerSnapshot.readVersionedSnapshot(
                        new DataInputDeserializer(out.getCopyOfBuffer()),
                        getClass().getClassLoader());
        assertThat(
                        RunningTurnSerializer.INSTANCE
                                .snapshotConfiguration()
                                .resolveSchemaCompatibility(silent)
                                .isCompatibleAsIs())
                .isTrue();
    }

    @Test
    void slotsTravelAsTheyAre() throws IOException {
        byte[] page = new byte[70_000];
        page[69_999] = 1;
        byte[] written = write(ImmutableBytesSerializer.INSTANCE, new ImmutableBytes(page));
        assertThat(written).hasSize(page.length + 5);
        assertThat(
                        ImmutableBytesSerializer.INSTANCE
                                .deserialize(new DataInputDeserializer(written))
                                .array())
                .isEqualTo(page);
    }
}
