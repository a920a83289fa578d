// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A JSON object of a model directory, with errors that name file and field. */
record JsonFile(Path path, ObjectNode root) {
    private static final ObjectMapper MAPPER =
            new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

    static JsonFile read(Path path) {
        return parse(path, readText(path));
    }

    /** The file, or an empty object if there is none. */
    static JsonFile readIfPresent(Path path) {
        return Files.exists(path) ? read(path) : new JsonFile(path, MAPPER.createObjectNode());
    }

    static JsonFile parse(Path path, String json) {
        try {
            if (MAPPER.readTree(json) instanceof ObjectNode root) {
                return new JsonFile(path, root);
            }
        } catch (JsonProcessingException e) {
            throw new ModelFormatException(path + " is malformed: " + e.getOriginalMessage(), e);
        }
        throw new ModelFormatException(path + " is malformed: no JSON object");
    }

    static String readText(Path path) {
        if (!Files.isRegularFile(path)) {
            throw new ModelFormatException(path + " is missing");
        }
        try {
            return Files.readString(path);
        } catch (CharacterCodingException e) {
            throw new ModelFormatException(path + " is malformed: no UTF-8", e);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + path, e);
        }
    }

    JsonNode get(String field) {
        return root.path(field);
    }

    int size(String field) {
        return sizeOf(field, get(field));
    }

    int sizeOr(String field, int fallback) {
        JsonNode node = get(field);
        return isAbsent(node) ? fallback : sizeOf(field, node);
    }

    boolean booleanOr(String field, boolean fallback) {
        JsonNode node = get(field);
        return isAbsent(node) ? fallback : node.asBoolean(fallback);
    }

    String stringOr(String field, String fallback) {
        JsonNode node = get(field);
        return node.isTextual() ? node.textValue() : fallback;
    }

    double real(String field) {
        return real(root, field);
    }

    double real(JsonNode parent, String field) {
        JsonNode node = parent.path(field);
        if (!node.isNumber()) {
            throw new ModelFormatException(
                    path + ": " + field + "=" + value(node) + ", must be a number");
        }
        return node.doubleValue();
    }

    private int sizeOf(String field, JsonNode node) {
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < 1) {
            throw new ModelFormatException(
                    path
                            + ": "
                            + field
                            + "="
                            + value(node)
                            + ", must be from 1 to "
                            + Integer.MAX_VALUE);
        }
        return node.intValue();
    }

    private static boolean isAbsent(JsonNode node) {
        return node.isMissingNode() || node.isNull();
    }

    private static String value(JsonNode node) {
        return node.isMissingNode() ? "(missing)" : node.toString();
    }
}
