// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaFormatter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The files that other languages read say what the classes say. */
class PublishedSchemasTest {
    private static final Path PUBLISHED = Path.of("published");
    private static final Path GENERATED = Path.of("target", "published");

    static List<Schema> topics() {
        return List.of(
                PromptRequest.SCHEMA$, TokenDelta.SCHEMA$, Completion.SCHEMA$, DeadLetter.SCHEMA$);
    }

    @ParameterizedTest
    @MethodSource("topics")
    void eachFileIsTheSchemaOfItsClass(Schema schema) throws IOException {
        String text = SchemaFormatter.format("json/pretty", schema) + "\n";
        String file = schema.getName() + ".avsc";
        Files.createDirectories(GENERATED);
        Files.writeString(GENERATED.resolve(file), text);
        assertThat(PUBLISHED.resolve(file))
                .as("run in schemas: cp target/published/*.avsc published/")
                .exists()
                .hasContent(text);
    }

    @ParameterizedTest
    @MethodSource("topics")
    void theJarHasEachOne(Schema schema) throws IOException {
        String file = schema.getName() + ".avsc";
        try (InputStream in = PromptRequest.class.getResourceAsStream(file)) {
            assertThat(in).as(file).isNotNull();
            assertThat(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                    .isEqualTo(Files.readString(PUBLISHED.resolve(file)));
        }
    }

    @Test
    void nothingElseIsPublished() throws IOException {
        try (Stream<Path> files = Files.list(PUBLISHED)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            topics().stream()
                                    .map(schema -> schema.getName() + ".avsc")
                                    .toArray(String[]::new));
        }
    }
}
