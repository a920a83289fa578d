// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaValidationException;
import org.apache.avro.SchemaValidatorBuilder;
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
    void eachVersionAndTheNewestReadEachOther(RecordCodec<?> codec, SpecificRecord sample)
            throws SchemaValidationException {
        List<Schema> versions =
                IntStream.iterate(1, version -> version + 1)
                        .mapToObj(version -> RecordCodec.history(codec.name(), version))
                        .takeWhile(Objects::nonNull)
                        .toList();
        assertThat(versions).isNotEmpty();
        new SchemaValidatorBuilder()
                .mutualReadStrategy()
                .validateAll()
                .validate(sample.getSchema(), versions);
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

    private static byte[] golden(String name) throws IOException {
        try (InputStream in =
                SchemaEvolutionTest.class.getResourceAsStream("/golden/" + name + "-1.hex")) {
            return HexFormat.of().parseHex(new String(in.readAllBytes()).strip());
        }
    }
}
