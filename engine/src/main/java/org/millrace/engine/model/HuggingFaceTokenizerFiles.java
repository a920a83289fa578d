// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Reads tokenizer and chat template of a directory in Hugging Face's layout. */
final class HuggingFaceTokenizerFiles {
    private final JsonFile tokenizer;
    private final JsonFile tokenizerConfig;
    private final Map<String, Integer> addedTokens = new HashMap<>();

    private HuggingFaceTokenizerFiles(JsonFile tokenizer, JsonFile tokenizerConfig) {
        this.tokenizer = tokenizer;
        this.tokenizerConfig = tokenizerConfig;
        for (JsonNode token : tokenizer.get("added_tokens")) {
            addedTokens.put(token.path("content").asText(), token.path("id").asInt(-1));
        }
    }

    static TokenizerFiles read(Path directory, JsonFile config, int vocabSize) {
        Path path = directory.resolve("tokenizer.json");
        String text = JsonFile.readText(path);
        JsonFile tokenizerConfig =
                JsonFile.readIfPresent(directory.resolve("tokenizer_config.json"));
        HuggingFaceTokenizerFiles files =
                new HuggingFaceTokenizerFiles(JsonFile.parse(path, text), tokenizerConfig);
        JsonFile generation = JsonFile.readIfPresent(directory.resolve("generation_config.json"));
        String eos = files.tokenText("eos_token");
        Set<Integer> ends = new TreeSet<>();
        addIds(ends, config, vocabSize);
        addIds(ends, generation, vocabSize);
        if (eos != null && files.addedTokens.containsKey(eos)) {
            ends.add(files.addedTokens.get(eos));
        }
        return new TokenizerFiles(
                text,
                files.tokenText("bos_token"),
                eos,
                files.beginOfSequence(),
                Set.copyOf(ends),
                files.chatTemplate(directory));
    }

    private static void addIds(Set<Integer> ends, JsonFile json, int vocabSize) {
        JsonNode ids = json.get("eos_token_id");
        for (JsonNode id : ids.isArray() ? ids : json.root().objectNode().arrayNode().add(ids)) {
            if (id.isInt() && id.intValue() >= 0 && id.intValue() < vocabSize) {
                ends.add(id.intValue());
            } else if (!id.isNull() && !id.isMissingNode()) {
                throw new ModelFormatException(
                        json.path() + ": eos_token_id=" + ids + ", vocabulary=" + vocabSize);
            }
        }
    }

    /** A special token is written as a string, or as an object with its content. */
    private String tokenText(String field) {
        JsonNode node = tokenizerConfig.get(field);
        return node.isObject() ? node.path("content").asText(null) : node.asText(null);
    }

    /** What the post-processor puts in front, unless tokenizer_config.json says otherwise. */
    private int beginOfSequence() {
        JsonNode wanted = tokenizerConfig.get("add_bos_token");
        if (wanted.isBoolean()) {
            String bos = tokenText("bos_token");
            return wanted.booleanValue() && bos != null ? addedTokens.getOrDefault(bos, -1) : -1;
        }
        return firstSpecialToken(tokenizer.get("post_processor"));
    }

    private int firstSpecialToken(JsonNode processor) {
        for (JsonNode step : processor.path("processors")) {
            int token = firstSpecialToken(step);
            if (token >= 0) {
                return token;
            }
        }
        JsonNode first = processor.path("single").path(0).path("SpecialToken").path("id");
        return addedTokens.getOrDefault(first.asText(), -1);
    }

    private String chatTemplate(Path directory) {
        Path file = directory.resolve("chat_template.jinja");
        if (Files.exists(file)) {
            return JsonFile.readText(file);
        }
        JsonNode template = tokenizerConfig.get("chat_template");
        for (JsonNode named : template.isArray() ? template : template.path("none")) {
            if (named.path("name").asText().equals("default")) {
                return named.path("template").asText(null);
            }
        }
        return template.asText(null);
    }
}
