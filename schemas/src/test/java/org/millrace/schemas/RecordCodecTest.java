// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.millrace.schemas.RecordFormatException.Problem;

class RecordCodecTest {
    @Test
    void readsBackWhatItWrote() throws Exception {
        roundTrip(RecordCodec.PROMPT_REQUEST, SampleRecords.promptRequest());
        roundTrip(RecordCodec.TOKEN_DELTA, SampleRecords.tokenDelta());
        roundTrip(RecordCodec.COMPLETION, SampleRecords.completion());
        roundTrip(RecordCodec.DEAD_LETTER, SampleRecords.deadLetter());
        roundTrip(RecordCodec.PROMPT_REQUEST, PromptRequest.newBuilder().build());
    }

    private static <T extends SpecificRecord> void roundTrip(RecordCodec<T> codec, T value)
            throws RecordFormatException {
        assertThat(codec.decode(codec.encode(value))).isEqualTo(value);
    }

    @Test
    void anotherRecordIsNamed() {
        byte[] completion = RecordCodec.COMPLETION.encode(SampleRecords.completion());
        assertProblem(completion, Problem.UNKNOWN_SCHEMA);
    }

    @Test
    void bytesWithoutHeaderAreNotAvro() {
        assertProblem(new byte[0], Problem.NOT_AVRO);
        assertProblem("{\"text\":\"hello\"}".getBytes(StandardCharsets.UTF_8), Problem.NOT_AVRO);
        assertProblem(Arrays.copyOf(encoded(), 9), Problem.NOT_AVRO);
    }

    @Test
    void everyTruncationIsMalformed() {
        byte[] whole = encoded();
        for (int length = 10; length < whole.length; length++) {
            assertProblem(Arrays.copyOf(whole, length), Problem.MALFORMED);
        }
    }

    @Test
    void trailingBytesAreMalformed() {
        byte[] whole = encoded();
        assertProblem(Arrays.copyOf(whole, whole.length + 1), Problem.MALFORMED);
    }

    @Test
    void invalidUtf8IsNamed() {
        byte[] bytes = encoded();
        int cheese = indexOf(bytes, "Käse".getBytes(StandardCharsets.UTF_8));
        bytes[cheese + 1] = (byte) 0xFF;
        assertProblem(bytes, Problem.INVALID_UTF8);
    }

    /** A length of 2 GiB in a record of some bytes: Avro's own decoder would allocate it. */
    @Test
    void lengthsAreCheckedBeforeAllocation() {
        byte[] header = Arrays.copyOf(encoded(), 10);
        byte[] huge = Arrays.copyOf(header, 16);
        byte[] twoGibibytes = {0, (byte) 0xFE, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 0x0F};
        System.arraycopy(twoGibibytes, 0, huge, 10, 6);
        assertProblem(huge, Problem.MALFORMED);
    }

    @Test
    void mutatedRecordsNeverThrowAnythingElse() {
        Random random = new Random(7);
        for (int round = 0; round < 20_000; round++) {
            byte[] bytes = encoded();
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                bytes[10 + random.nextInt(bytes.length - 10)] = (byte) random.nextInt();
            }
            try {
                RecordCodec.PROMPT_REQUEST.decode(bytes);
            } catch (RecordFormatException e) {
                assertThat(e.problem()).isIn(Problem.MALFORMED, Problem.INVALID_UTF8);
            }
        }
    }

    private static byte[] encoded() {
        return RecordCodec.PROMPT_REQUEST.encode(SampleRecords.promptRequest());
    }

    private static int indexOf(byte[] bytes, byte[] part) {
        for (int i = 0; i + part.length <= bytes.length; i++) {
            if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
                return i;
            }
        }
        throw new AssertionError("not found");
    }

    private static void assertProblem(byte[] bytes, Problem problem) {
        assertThatThrownBy(() -> RecordCodec.PROMPT_REQUEST.decode(bytes))
                .isInstanceOfSatisfying(
                        RecordFormatException.class,
                        e -> assertThat(e.problem()).isEqualTo(problem));
    }
}
