// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Builds the content of a tokenizer.json out of a GGUF file's metadata. */
final class GgufTokenizer {
    private static final String PREFIX = "tokenizer.ggml.";

    /** Where SentencePiece files name none, as in llama.cpp. */
    private static final int SENTENCE_PIECE_BOS = 1;

    private static final int SENTENCE_PIECE_EOS = 2;
    private static final int TYPE_UNKNOWN = 2;
    private static final int TYPE_CONTROL = 3;
    private static final int TYPE_USER_DEFINED = 4;

    private final GgufMetadata metadata;
    private final String[] tokens;
    private final int[] types;

    private GgufTokenizer(GgufMetadata metadata, int vocabSize) {
        this.metadata = metadata;
        GgufArray array = metadata.array(PREFIX + "tokens");
        if (array.count() > vocabSize) {
            throw new ModelFormatException(
                    metadata.source()
                            + ": "
                            + PREFIX
                            + "tokens has count="
                            + array.count()
                            + ", but token_embd.weight has rows="
                            + vocabSize);
        }
        tokens = array.strings();
        types =
                metadata.has(PREFIX + "token_type")
                        ? metadata.array(PREFIX + "token_type").ints()
                        : new int[tokens.length];
        if (types.length != tokens.length) {
            throw new ModelFormatException(
                    metadata.source()
                            + ": "
                            + PREFIX
                            + "token_type has count="
                            + types.length
                            + ", tokens has count="
                            + tokens.length);
        }
    }

    static TokenizerFiles read(GgufMetadata metadata, int vocabSize) {
        return new GgufTokenizer(metadata, vocabSize).read();
    }

    private TokenizerFiles read() {
        String model = metadata.string(PREFIX + "model");
        String pre = metadata.stringOr(PREFIX + "pre", "default");
        ObjectNode json =
                switch (model) {
                    case "gpt2" -> ByteLevelBpe.json(metadata, tokens, pre);
                    case "llama" -> SentencePieceBpe.json(metadata, tokens);
                    default ->
                            throw new ModelFormatException(
                                    metadata.source()
                                            + ": tokenizer model="
                                            + model
                                            + ", supported=gpt2, llama");
                };
        boolean isSentencePiece = model.equals("llama");
        int bos = tokenId("bos_token_id", isSentencePiece ? SENTENCE_PIECE_BOS : -1);
        int eos = tokenId("eos_token_id", isSentencePiece ? SENTENCE_PIECE_EOS : -1);
        Set<Integer> ends = endOfSequence(eos);
        json.set("added_tokens", addedTokens(ends));
        boolean addBosByDefault = isSentencePiece || pre.equals("llama-bpe");
        boolean addBos = metadata.booleanOr(PREFIX + "add_bos_token", addBosByDefault);
        return new TokenizerFiles(
                json.toString(),
                bos < 0 ? null : tokens[bos],
                eos < 0 ? null : tokens[eos],
                addBos ? bos : -1,
                ends,
                metadata.stringOr("tokenizer.chat_template", null));
    }

    private ArrayNode addedTokens(Set<Integer> ends) {
        ArrayNode added = TokenizerJson.MAPPER.createArrayNode();
        for (int id = 0; id < tokens.length; id++) {
            boolean control = isControl(id) || ends.contains(id);
            if (!tokens[id].isEmpty() && (control || types[id] == TYPE_USER_DEFINED)) {
                added.addObject()
                        .put("id", id)
                        .put("content", tokens[id])
                        .put("single_word", false)
                        .put("lstrip", false)
                        .put("rstrip", false)
                        .put("normalized", false)
                        .put("special", control);
            }
        }
        return added;
    }

    private boolean isControl(int id) {
        return types[id] == TYPE_CONTROL || types[id] == TYPE_UNKNOWN;
    }

    private Set<Integer> endOfSequence(int eos) {
        Set<Integer> ends =
                new TreeSet<>(
                        List.of(eos, tokenId("eot_token_id", -1), tokenId("eom_token_id", -1)));
        for (int id = 0; id < tokens.length; id++) {
            if (EndTokens.contains(tokens[id])) {
                ends.add(id);
            }
        }
        ends.remove(-1);
        return Set.copyOf(ends);
    }

    private int tokenId(String key, int fallback) {
        long id = metadata.longOr(PREFIX + key, fallback);
        if (id < -1 || id >= tokens.length) {
            throw new ModelFormatException(
                    metadata.source()
                            + ": "
                            + PREFIX
                            + key
                            + "="
                            + id
                            + ", tokens="
                            + tokens.length);
        }
        return (int) id;
    }
}
