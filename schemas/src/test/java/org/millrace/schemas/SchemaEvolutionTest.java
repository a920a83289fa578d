// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Records outlive the code that wrote them: each published version stays readable, and older
 * readers can read the newest. {@code history/NAME-1.avsc} and {@code golden/NAME-1.hex} are never
 * regenerated.
 */
class SchemaEvolutionTest {
    static Stream<Arguments> records() {
        return Stream.of(
                Arguments.of(RecordCodec.PROMPT_REQUEST, SampleRecords.promptRequest()),
                Arguments.of(RecordCodec.TOKEN_DELTA, SampleRecords.tokenDelta()),
                Arguments.of(RecordCodec.COMPLETION, SampleRecords.completion()),
                Arguments.of(RecordCodec.DEAD_LETTER, SampleRecords.deadLetter()));
    }

    @ParameterizedTest
    @MethodSource("records")
    void version1AndTheNewestReadEachOther(RecordCodec<?> codec, SpecificRecord sample) {
        Schema version1 = RecordCodec.history(sample.getSchema().getName(), 1);
        assertCompatible(sample.getSchema(), version1);
        assertCompatible(version1, sample.getSchema());
    }

    @ParameterizedTest
    @MethodSource("records")
    void bytesOfVersion1AreRead(RecordCodec<?> codec, SpecificRecord sample) throws Exception {
        assertThat((Object) codec.decode(golden(sample.getSchema().getName()))).isEqualTo(sample);
    }

    @ParameterizedTest
    @MethodSource("records")
    void everyFieldHasDocUnitAndDefault(RecordCodec<?> codec, SpecificRecord sample) {
        for (Schema.Field field : sample.getSchema().getFields()) {
            assertThat(field.doc())
                    .as(field.name())
                    .matches(".* in (tokens|bytes|records|nats|milliseconds)\\b.*|.* No unit\\.");
            assertThat(field.hasDefaultValue()).as(field.name()).isTrue();
        }
    }

    private static void assertCompatible(Schema reader, Schema writer) {
        assertThat(SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getType())
                .isEqualTo(SchemaCompatibilityType.COMPATIBLE);
    }

    private static byte[] golden(String name) throws IOException {
        try (InputStream in =
                SchemaEvolutionTest.class.getResourceAsStream("/golden/" + name + "-1.hex")) {
            return HexFormat.of().parseHex(new String(in.readAllBytes()).strip());
        }
    }
}
