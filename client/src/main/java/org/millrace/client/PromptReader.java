// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.cfg.MutableCoercionConfig;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.RequestCheck;
import org.millrace.schemas.PromptRequest;

/**
 * Reads prompts, one JSON object a line:
 *
 * <pre>
 *   {"session": "s1", "request": "r1", "text": "Once upon a time", "maxTokens": 32}
 *   {"session": "s2", "request": "r1", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.7, "seed": 1}
 *   {"session": "s2", "kind": "end_session"}
 * </pre>
 *
 * Owns the stream. Not thread safe.
 */
public final class PromptReader implements AutoCloseable {
    private static final ObjectReader JSON =
            JsonMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
                    .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
                    .withCoercionConfig(LogicalType.Textual, PromptReader::stringsOnly)
                    .build()
                    .readerFor(PromptLine.class)
                    .without(JsonParser.Feature.INCLUDE_SOURCE_IN_LOCATION);

    private final String source;
    private final BufferedReader reader;
    private final UniqueTurns turns = new UniqueTurns("on line");
    private int line;

    private static void stringsOnly(MutableCoercionConfig strings) {
        strings.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail);
    }

    private PromptReader(String source, InputStream in) {
        this.source = source;
        this.reader =
                new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder()));
    }

    /** Reads a file, or standard input for {@code -}. */
    public static PromptReader open(String file) throws IOException {
        if (file.equals("-")) {
            return new PromptReader("standard input", System.in);
        }
        if (Files.isDirectory(Path.of(file))) {
            throw new IOException("no prompts file at " + file + ": it is a directory");
        }
        try {
            return new PromptReader(file, Files.newInputStream(Path.of(file)));
        } catch (NoSuchFileException e) {
            throw new IOException("no prompts file at " + file, e);
        }
    }

    /**
     * All prompts of a file: Avro if it is named so, else JSON lines; standard input for {@code -}.
     */
    public static List<PromptRequest> readAll(String file) throws IOException {
        if (file.endsWith(".avro")) {
            return PromptArchive.read(new File(file));
        }
        try (PromptReader reader = open(file)) {
            return reader.all();
        }
    }

    /** Reads a stream; {@code source} names it in errors. */
    public static PromptReader of(String source, InputStream in) {
        return new PromptReader(source, in);
    }

    /**
     * The next request, or null at the end. Blank lines are skipped.
     *
     * @throws PromptFormatException naming file, line and problem
     */
    public PromptRequest next() throws IOException {
        String text = nextLine();
        if (text == null) {
            return null;
        }
        try {
            PromptLine parsed = JSON.readValue(text);
            if (parsed == null) {
                throw problem("a line must be an object");
            }
            PromptRequest request = parsed.toRequest();
            RequestCheck.check(request);
            if (!isUnicode(request)) {
                throw problem("half of a surrogate pair, which is no character");
            }
            turns.add(request, line);
            return request;
        } catch (JsonProcessingException e) {
            throw problem(describe(e));
        } catch (BadRequestException e) {
            throw problem(e.reason().code() + ": " + e.getMessage());
        } catch (IllegalArgumentException e) {
            throw problem(e.getMessage());
        }
    }

    /** Whether it comes out of a topic as it went in. */
    private static boolean isUnicode(PromptRequest request) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(request.toString());
    }

    /** All that is left. */
    public List<PromptRequest> all() throws IOException {
        List<PromptRequest> requests = new ArrayList<>();
        for (PromptRequest request = next(); request != null; request = next()) {
            requests.add(request);
        }
        return requests;
    }

    private String nextLine() throws IOException {
        try {
            String text;
            do {
                line++;
                text = reader.readLine();
            } while (text != null && text.isBlank());
            return text;
        } catch (CharacterCodingException e) {
            throw problem("not UTF-8");
        }
    }

    private static String describe(JsonProcessingException e) {
        if (e instanceof UnrecognizedPropertyException unknown) {
            return "unknown field \""
                    + unknown.getPropertyName()
                    + "\", known are "
                    + unknown.getKnownPropertyIds().stream()
                            .map(Object::toString)
                            .sorted()
                            .collect(Collectors.joining(", "));
        }
        String problem =
                e instanceof MismatchedInputException mismatch
                        ? "must be " + describe(mismatch.getTargetType())
                        : e.getOriginalMessage();
        return e instanceof JsonMappingException mapping && !mapping.getPath().isEmpty()
                ? "field \"" + path(mapping) + "\": " + problem
                : problem;
    }

    /** Such as {@code messages[0].role}. */
    private static String path(JsonMappingException e) {
        StringBuilder path = new StringBuilder();
        for (JsonMappingException.Reference part : e.getPath()) {
            if (part.getFieldName() == null) {
                path.append('[').append(part.getIndex()).append(']');
            } else {
                path.append(path.isEmpty() ? "" : ".").append(part.getFieldName());
            }
        }
        return path.toString();
    }

    /** What JSON calls a type of {@link PromptLine}. */
    private static String describe(Class<?> type) {
        if (type == Integer.class || type == Long.class) {
            return "a whole number";
        }
        if (type == Float.class) {
            return "a number";
        }
        if (type == Boolean.class) {
            return "true or false";
        }
        if (type == String.class) {
            return "a string";
        }
        return List.class.isAssignableFrom(type) ? "a list" : "an object";
    }

    private PromptFormatException problem(String problem) {
        return new PromptFormatException(source, line, problem);
    }

    @Override
    public void close() throws IOException {
        reader.close();
    }
}
