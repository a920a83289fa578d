// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.model.ChatTemplate.Message;

/** Texts, conversations and token ids out of files; each error names the file and what is wrong. */
final class InputFiles {
    private InputFiles() {}

    static String text(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new IOException("a directory, not a file: " + file);
        }
        try {
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new IOException("no such file: " + file, e);
        } catch (CharacterCodingException e) {
            throw new IOException("not valid UTF-8: " + file, e);
        }
    }

    /** A list of messages, alone or as {@code {"messages": [...]}}. */
    static List<Message> messages(Path file) throws IOException {
        JsonNode root = json(file);
        JsonNode list = root.isObject() ? root.path("messages") : root;
        if (!list.isArray() || list.isEmpty()) {
            throw new IOException("no list of messages in " + file);
        }
        List<Message> messages = new ArrayList<>();
        for (JsonNode message : list) {
            if (!message.path("role").isTextual() || !message.path("content").isTextual()) {
                throw new IOException(
                        "message "
                                + messages.size()
                                + " of "
                                + file
                                + " lacks a text for role or content");
            }
            messages.add(
                    new Message(
                            message.get("role").textValue(), message.get("content").textValue()));
        }
        return messages;
    }

    /** A list of ids below {@code vocabSize}, alone or as {@code {"tokens": [...]}}. */
    static int[] tokenIds(Path file, int vocabSize) throws IOException {
        JsonNode root = json(file);
        JsonNode list = root.isObject() ? root.path("tokens") : root;
        if (!list.isArray()) {
            throw new IOException("no list of token ids in " + file);
        }
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            JsonNode id = list.get(i);
            if (!id.canConvertToInt()
                    || !id.isIntegralNumber()
                    || id.intValue() < 0
                    || id.intValue() >= vocabSize) {
                throw new IOException(
                        "token "
                                + i
                                + " of "
                                + file
                                + " is "
                                + id
                                + ", must be in [0, "
                                + vocabSize
                                + ")");
            }
            ids[i] = id.intValue();
        }
        return ids;
    }

    static JsonNode json(Path file) throws IOException {
        try {
            return new ObjectMapper().readTree(text(file));
        } catch (JsonProcessingException e) {
            throw new IOException("not valid JSON: " + file + ": " + e.getOriginalMessage(), e);
        }
    }
}
