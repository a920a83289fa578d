// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.ProcessFunctionTestHarnesses;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.millrace.jobs.Origin;
import org.millrace.jobs.OutputRecord;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.Prompt;
import org.millrace.schemas.ChatMessage;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.Header;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.RequestKind;
import org.millrace.schemas.SamplingParams;
import org.millrace.schemas.TokenDelta;
import org.millrace.schemas.WireFormat;

class RequestDecoderTest {
    @Test
    void goodRecordsGiveTheirRequest() throws Exception {
        for (PromptRequest request :
                List.of(
                        text("Hello").build(),
                        request().setMessages(List.of(new ChatMessage("user", "Hi"))).build(),
                        request().setKind(RequestKind.CANCEL).build(),
                        request().setKind(RequestKind.END_SESSION).setRequestId("").build())) {
            assertThat(decode(record("s", encode(request)))).isEqualTo(request);
        }
    }

    static Stream<Arguments> badRecords() {
        byte[] good = encode(text("Käse").build());
        byte[] invalidUtf8 = good.clone();
        invalidUtf8[indexOf(good, 0xC3, 2)] = (byte) 0xFF;
        return Stream.of(
                Arguments.of(DeadLetterReason.NULL_KEY, record((byte[]) null, good)),
                Arguments.of(DeadLetterReason.SESSION_ID_EMPTY, record("", good)),
                Arguments.of(DeadLetterReason.KEY_TOO_LONG, record("s".repeat(1 << 20), good)),
                Arguments.of(DeadLetterReason.INVALID_UTF8, record(new byte[] {(byte) 0xFF}, good)),
                Arguments.of(DeadLetterReason.NULL_VALUE, record("s", null)),
                Arguments.of(
                        DeadLetterReason.TOO_LARGE,
                        record("s", encode(text("x".repeat(1 << 20)).build()))),
                Arguments.of(
                        DeadLetterReason.TOO_LARGE,
                        record(
                                good,
                                new Header(
                                        "bulk",
                                        ByteBuffer.wrap(new byte[Origin.MAX_HEADER_BYTES])))),
                Arguments.of(
                        DeadLetterReason.TOO_LARGE,
                        record(
                                good,
                                Collections.nCopies(100_000, new Header("", null))
                                        .toArray(Header[]::new))),
                Arguments.of(DeadLetterReason.NOT_AVRO, record("s", new byte[0])),
                Arguments.of(
                        DeadLetterReason.NOT_AVRO,
                        record("s", "{\"text\":\"hi\"}".getBytes(StandardCharsets.UTF_8))),
                Arguments.of(
                        DeadLetterReason.UNKNOWN_SCHEMA,
                        record(
                                "s",
                                RecordCodec.TOKEN_DELTA.encode(
                                        new TokenDelta("s", "r", 0, 1, "x", null, List.of())))),
                Arguments.of(
                        DeadLetterReason.MALFORMED_AVRO,
                        record("s", Arrays.copyOf(good, good.length - 1))),
                Arguments.of(DeadLetterReason.INVALID_UTF8, record("s", invalidUtf8)),
                bad(DeadLetterReason.UNKNOWN_KIND, request().setKind(RequestKind.UNKNOWN)),
                Arguments.of(DeadLetterReason.KEY_MISMATCH, record("t", good)),
                bad(DeadLetterReason.REQUEST_ID_EMPTY, text("Hi").setRequestId("")),
                bad(
                        DeadLetterReason.REQUEST_ID_EMPTY,
                        request().setKind(RequestKind.CANCEL).setRequestId("")),
                bad(DeadLetterReason.REQUEST_ID_TOO_LONG, text("Hi").setRequestId("ä".repeat(513))),
                bad(DeadLetterReason.EMPTY_PROMPT, request()),
                bad(DeadLetterReason.EMPTY_PROMPT, text("")),
                bad(
                        DeadLetterReason.EMPTY_PROMPT,
                        request().setMessages(List.of(new ChatMessage("user", "")))),
                bad(
                        DeadLetterReason.TEXT_AND_MESSAGES,
                        text("Hi").setMessages(List.of(new ChatMessage("user", "Hi")))),
                bad(
                        DeadLetterReason.UNKNOWN_ROLE,
                        request().setMessages(List.of(new ChatMessage("root", "Hi")))),
                bad(DeadLetterReason.INVALID_PARAMETER, maxTokens(-1)),
                bad(DeadLetterReason.INVALID_PARAMETER, maxTokens(0)),
                bad(DeadLetterReason.INVALID_PARAMETER, temperature(Float.NaN)),
                bad(DeadLetterReason.INVALID_PARAMETER, temperature(-1)),
                bad(DeadLetterReason.INVALID_PARAMETER, temperature(Float.POSITIVE_INFINITY)),
                bad(DeadLetterReason.INVALID_PARAMETER, temperature(1e-40f)),
                bad(DeadLetterReason.INVALID_PARAMETER, repetitionPenalty(1e-40f)),
                bad(
                        DeadLetterReason.INVALID_PARAMETER,
                        retention("full,".repeat(1 << 14) + "full")),
                bad(DeadLetterReason.INVALID_PARAMETER, retention("1..9999/9999,full")),
                bad(DeadLetterReason.INVALID_PARAMETER, stopString("")),
                bad(DeadLetterReason.INVALID_PARAMETER, stopString("x".repeat(257))));
    }

    @ParameterizedTest
    @MethodSource("badRecords")
    void badRecordsAreNamed(DeadLetterReason reason, RawRecord record) {
        assertThatThrownBy(() -> decode(record))
                .isInstanceOfSatisfying(
                        BadRequestException.class,
                        e -> {
                            assertThat(e.reason()).isEqualTo(reason);
                            assertThat(e).message().isNotEmpty();
                        });
    }

    @ParameterizedTest
    @MethodSource("badRecords")
    void badRecordsLeaveBySideOutput(DeadLetterReason reason, RawRecord record) throws Exception {
        OneInputStreamOperatorTestHarness<RawRecord, Prompt> harness =
                ProcessFunctionTestHarnesses.forProcessFunction(
                        new DecodeFunction(WireFormat.SINGLE_OBJECT));
        harness.processElement(record, 0);
        assertThat(harness.extractOutputValues()).isEmpty();
        OutputRecord output = harness.getSideOutput(DecodeFunction.DEAD_LETTERS).peek().getValue();
        DeadLetter letter = (DeadLetter) output.value();
        assertThat(letter.getReason()).isEqualTo(reason.code());
        assertThat(letter.getOffset()).isEqualTo(77);
        assertThat(letter.getOriginalLength())
                .isEqualTo(record.value() == null ? 0 : record.value().length);
        assertThat(RecordCodec.DEAD_LETTER.encode(letter)).hasSizeLessThan(900_000);
        assertThat(output.headers()).hasSize(1);
        assertThat(output.header(Origin.PROMPT_HEADER)).endsWith("/77");
        harness.close();
    }

    @Test
    void theReasonsAreThoseOfTheSchemasDoc() {
        String doc = DeadLetter.getClassSchema().getField("reason").doc();
        for (DeadLetterReason reason : DeadLetterReason.values()) {
            assertThat(doc).containsPattern("\\b" + reason.code() + "\\b");
        }
    }

    @Test
    void randomBytesNeverThrowAnythingElse() {
        Random random = new Random(11);
        byte[] good = encode(text("Hello").build());
        for (int round = 0; round < 50_000; round++) {
            byte[] value = new byte[random.nextInt(64)];
            random.nextBytes(value);
            if (round % 2 == 0 && value.length >= 10) {
                System.arraycopy(good, 0, value, 0, 10);
            }
            byte[] key = new byte[random.nextInt(4)];
            random.nextBytes(key);
            assertThatThrownBy(() -> decode(record(key, value)))
                    .isInstanceOf(BadRequestException.class);
        }
    }

    private static PromptRequest decode(RawRecord record) throws Exception {
        return RequestDecoder.decode(record, WireFormat.SINGLE_OBJECT);
    }

    private static Arguments bad(DeadLetterReason reason, PromptRequest.Builder builder) {
        return Arguments.of(reason, record("s", encode(builder.build())));
    }

    private static PromptRequest.Builder request() {
        return PromptRequest.newBuilder().setSessionId("s").setRequestId("r");
    }

    private static PromptRequest.Builder text(String text) {
        return request().setText(text);
    }

    private static PromptRequest.Builder maxTokens(int maxTokens) {
        return text("Hi").setLimits(GenerationLimits.newBuilder().setMaxTokens(maxTokens).build());
    }

    private static PromptRequest.Builder temperature(float temperature) {
        return text("Hi")
                .setSampling(SamplingParams.newBuilder().setTemperature(temperature).build());
    }

    private static PromptRequest.Builder repetitionPenalty(float penalty) {
        return text("Hi")
                .setSampling(SamplingParams.newBuilder().setRepetitionPenalty(penalty).build());
    }

    private static PromptRequest.Builder retention(String ladder) {
        return text("Hi").setRetention("fastgen-paper ladder=" + ladder);
    }

    private static PromptRequest.Builder stopString(String stop) {
        return text("Hi")
                .setLimits(GenerationLimits.newBuilder().setStopStrings(List.of(stop)).build());
    }

    private static byte[] encode(PromptRequest request) {
        return RecordCodec.PROMPT_REQUEST.encode(request);
    }

    private static RawRecord record(String key, byte[] value) {
        return record(key.getBytes(StandardCharsets.UTF_8), value);
    }

    private static RawRecord record(byte[] key, byte[] value) {
        return new RawRecord(key, value, origin());
    }

    private static RawRecord record(byte[] value, Header... headers) {
        return new RawRecord("s".getBytes(StandardCharsets.UTF_8), value, origin(headers));
    }

    private static Origin origin(Header... headers) {
        return new Origin("prompts", 3, 77, 1_700_000_000_000L, List.of(headers));
    }

    private static int indexOf(byte[] bytes, int value, int from) {
        for (int i = from; i < bytes.length; i++) {
            if ((bytes[i] & 0xFF) == value) {
                return i;
            }
        }
        throw new AssertionError("not found");
    }
}
