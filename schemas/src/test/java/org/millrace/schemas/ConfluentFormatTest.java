// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.millrace.schemas.RecordFormatException.Problem;

class ConfluentFormatTest {
    private static final Map<Integer, String> SCHEMAS =
            Map.of(
                    1, RecordCodec.PROMPT_REQUEST.schemaText(),
                    2, RecordCodec.TOKEN_DELTA.schemaText(),
                    3, RecordCodec.COMPLETION.schemaText(),
                    0x01020304, RecordCodec.DEAD_LETTER.schemaText(),
                    5, withField("{\"name\":\"traceId\",\"type\":\"string\",\"default\":\"\"}"),
                    6, "syntax = \"proto3\";",
                    7,
                            withField(
                                    "{\"name\":\"nested\",\"type\":{\"type\":\"record\",\"name\":\"Nested\",\"fields\":["
                                            + "{\"name\":\"next\",\"type\":[\"null\",\"Nested\"]}]}}"),
                    8, RecordCodec.PROMPT_REQUEST.schemaText().replace("\"int\"", "\"string\""));

    private final WireFormat format =
            new ConfluentFormat(
                    SCHEMAS::get,
                    Map.of(
                            "PromptRequest", 1,
                            "TokenDelta", 2,
                            "Completion", 3,
                            "DeadLetter", 0x01020304));

    @Test
    void readsBackWhatItWrote() throws Exception {
        roundTrip(RecordCodec.PROMPT_REQUEST, SampleRecords.promptRequest());
        roundTrip(RecordCodec.TOKEN_DELTA, SampleRecords.tokenDelta());
        roundTrip(RecordCodec.COMPLETION, SampleRecords.completion());
        roundTrip(RecordCodec.DEAD_LETTER, SampleRecords.deadLetter());
    }

    private <T extends SpecificRecord> void roundTrip(RecordCodec<T> codec, T value)
            throws IOException {
        assertThat(format.decode(codec, format.encode(codec, value))).isEqualTo(value);
    }

    @Test
    void theHeaderIsThatOfConfluentsSerializers() throws IOException {
        DeadLetter letter = SampleRecords.deadLetter();
        assertThat(format.encode(RecordCodec.DEAD_LETTER, letter))
                .isEqualTo(bytes(0x01020304, letter.getSchema(), letter))
                .startsWith(0, 1, 2, 3, 4);
    }

    @Test
    void recordsOfALaterWriterAreRead() throws IOException {
        Schema later = new Schema.Parser().parse(SCHEMAS.get(5));
        GenericRecord written =
                new GenericRecordBuilder(later)
                        .set("traceId", "t")
                        .set("sessionId", "s")
                        .set("text", "Hello")
                        .build();
        assertThat(format.decode(RecordCodec.PROMPT_REQUEST, bytes(5, later, written)))
                .isEqualTo(PromptRequest.newBuilder().setSessionId("s").setText("Hello").build());
    }

    @Test
    void singleObjectEncodingIsReadToo() throws IOException {
        PromptRequest request = SampleRecords.promptRequest();
        byte[] bytes = WireFormat.SINGLE_OBJECT.encode(RecordCodec.PROMPT_REQUEST, request);
        assertThat(format.decode(RecordCodec.PROMPT_REQUEST, bytes)).isEqualTo(request);
    }

    @Test
    void whatIsWrongIsNamed() {
        byte[] good = format.encode(RecordCodec.PROMPT_REQUEST, SampleRecords.promptRequest());
        assertProblem(new byte[0], Problem.NOT_AVRO);
        assertProblem(new byte[] {0, 0, 0, 1}, Problem.NOT_AVRO);
        assertProblem(good.clone(), 0, 1, Problem.NOT_AVRO);
        assertProblem(good.clone(), 4, 99, Problem.UNKNOWN_SCHEMA);
        assertProblem(good.clone(), 4, 2, Problem.INCOMPATIBLE_SCHEMA);
        assertProblem(good.clone(), 4, 6, Problem.INCOMPATIBLE_SCHEMA);
        assertProblem(good.clone(), 4, 8, Problem.INCOMPATIBLE_SCHEMA);
        byte[] bare = {0, 0, 0, 0, 1};
        assertProblem(bare, Problem.MALFORMED);
    }

    /** Half a megabyte of a list whose every item says that there is another. */
    @Test
    void aStrangersRecordsMayNotNestWithoutEnd() {
        byte[] deep = new byte[1 << 19];
        Arrays.fill(deep, (byte) 2);
        ByteBuffer.wrap(deep).put((byte) 0).putInt(7);
        assertProblem(deep, Problem.MALFORMED);
    }

    @Test
    void aSchemaIsAskedForOnceAndAFailureIsNoAnswer() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        WireFormat failing =
                new ConfluentFormat(
                        id -> {
                            if (asked.incrementAndGet() == 1) {
                                throw new IOException("down");
                            }
                            return SCHEMAS.get(id);
                        },
                        Map.of());
        byte[] bytes = format.encode(RecordCodec.TOKEN_DELTA, SampleRecords.tokenDelta());
        assertThatThrownBy(() -> failing.decode(RecordCodec.TOKEN_DELTA, bytes))
                .isInstanceOf(IOException.class)
                .isNotInstanceOf(RecordFormatException.class)
                .hasMessage("down");
        for (int i = 0; i < 3; i++) {
            assertThat(failing.decode(RecordCodec.TOKEN_DELTA, bytes))
                    .isEqualTo(SampleRecords.tokenDelta());
        }
        assertThat(asked).hasValue(2);
    }

    private static String withField(String field) {
        return RecordCodec.PROMPT_REQUEST
                .schemaText()
                .replaceFirst("\"fields\":\\[", "\"fields\":[" + field + ",");
    }

    private static byte[] bytes(int id, Schema schema, Object value) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(0);
        out.write(ByteBuffer.allocate(4).putInt(id).array());
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
        new GenericDatumWriter<>(schema).write(value, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    private void assertProblem(byte[] bytes, int index, int value, Problem problem) {
        bytes[index] = (byte) value;
        assertProblem(bytes, problem);
    }

    private void assertProblem(byte[] bytes, Problem problem) {
        assertThatThrownBy(() -> format.decode(RecordCodec.PROMPT_REQUEST, bytes))
                .isInstanceOfSatisfying(
                        RecordFormatException.class,
                        e -> assertThat(e.problem()).isEqualTo(problem));
    }
}
