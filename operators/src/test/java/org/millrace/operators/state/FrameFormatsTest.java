// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
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
import org.millrace.operators.Header;
import org.millrace.operators.Origin;
import org.millrace.operators.OriginalValue;
import org.millrace.operators.OutputRecord;
import org.millrace.operators.PromptEnvelope;
import org.millrace.operators.state.SessionWork.Kind;
import org.millrace.operators.types.OutputRecordSerializer;
import org.millrace.operators.types.PromptEnvelopeSerializer;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.TokenDelta;

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
        return Stream.of(ownFormats(), formatsAroundAvro(), olderFormats())
                .flatMap(formats -> formats);
    }

    /** No longer written. */
    static Stream<Golden<?>> olderFormats() {
        SessionTurn all = new SessionTurn(0, 2, 0, Retention.FULL);
        return Stream.of(
                new Golden<>(
                        SessionWorkSerializer.INSTANCE,
                        SessionWork.NONE
                                .with(Kind.TURN, "r1", -1, 5)
                                .with(Kind.END_SESSION, "", 0, 6),
                        "01000000000000000200000002000000000000000000037231ffffffff00000000000000"
                                + "0500000000000000010101000000000000000000000006"),
                new Golden<>(
                        SessionRecordSerializer.INSTANCE,
                        new SessionRecord(
                                new Transcript(new int[] {1, 700}, List.of(all)),
                                List.of("r1", "r2"),
                                "ab"),
                        "010000000200000001000002bc00000002037231037232036162"));
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
                                List.of("r1", "r2"),
                                "ab"),
                        "020000000200000001000002bc0000000203723103723203616200000002000000000000000100000000000466756c6c00000002"
                                + "000000010000000000176b767a6970206b6565703d302e32352073696e6b733d34"),
                new Golden<>(
                        SessionWorkSerializer.INSTANCE,
                        SessionWork.NONE
                                .with(Kind.TURN, "r1", -1, 5)
                                .with(Kind.END_SESSION, "", 0, 6)
                                .with(Kind.REST, "", 0, 7),
                        "02000000000000000300000003000000000000000000037231ffffffff00000000000000"
                                + "050000000000000001010100000000000000000000000600000000000000020201000000000000000000000007"),
                new Golden<>(
                        RunningTurnSerializer.INSTANCE,
                        new RunningTurn(new byte[] {1, 2}, 300, "ab", 7, 8),
                        "010000000201020000012c03616200000000000000070000000000000008"),
                new Golden<>(
                        LastPromptSerializer.INSTANCE,
                        new LastPrompt("prompts", 3, 1000, 2000),
                        "010870726f6d7074730000000300000000000003e800000000000007d0"),
                new Golden<>(
                        ImmutableBytesSerializer.INSTANCE,
                        new ImmutableBytes(new byte[] {9, 8, 7}),
                        "0100000003090807"));
    }

    /** Written anew when an Avro schema grows; what is here must still be read. */
    static Stream<Golden<?>> formatsAroundAvro() {
        return Stream.of(
                new Golden<>(
                        PromptEnvelopeSerializer.INSTANCE,
                        new PromptEnvelope(
                                PromptRequest.newBuilder()
                                        .setSessionId("s")
                                        .setRequestId("r")
                                        .setText("hello")
                                        .build(),
                                origin(),
                                OriginalValue.of(new byte[] {1})),
                        "0100000030c301f1b45f99598201ab0002730272020a68656c6c6f000000000000000080"
                                + "3f000000000000803f00008004000000000870726f6d7074730000000100000000000000"
                                + "020000000000000003000000020268000000017606656d707479ffffffff000000010100"
                                + "000000000000014134626635313232663334343535346335336264653265626238636432"
                                + "623765336431363030616436333163333835613564376363653233633737383534353961"),
                new Golden<>(
                        OutputRecordSerializer.INSTANCE,
                        new OutputRecord(
                                "s",
                                TokenDelta.newBuilder()
                                        .setSessionId("s")
                                        .setRequestId("r")
                                        .setIndex(2)
                                        .setText("é")
                                        .build(),
                                origin().headers()),
                        "010200000014c301ad6c76e1434d7bf002730272040004c3a90002730000000202680000"
                                + "00017606656d707479ffffffff"));
    }

    private static Origin origin() {
        return new Origin(
                "prompts",
                1,
                2,
                3,
                List.of(
                        new Header("h", "v".getBytes(StandardCharsets.UTF_8)),
                        new Header("empty", null)));
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
