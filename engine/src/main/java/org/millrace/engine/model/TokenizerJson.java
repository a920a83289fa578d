// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The parts of a tokenizer.json that we read ourselves: which tokens there are and which bytes they
 * stand for.
 */
final class TokenizerJson {
    static final ObjectMapper MAPPER = new ObjectMapper();

    private static final List<String> NEVER_APPLIED =
            List.of("truncation", "padding", "post_processor");

    private final String source;
    private final ObjectNode root;
    private final boolean byteLevel;
    private final String[] pieces;
    private final byte[][] bytes;
    private final SortedSet<Integer> addedTokens = new TreeSet<>();
    private final SortedMap<Integer, String> controlTokens = new TreeMap<>();

    private TokenizerJson(String source, ObjectNode root, TokenizerFiles files, int vocabSize) {
        this.source = source;
        this.root = root;
        markEnds(root, files.endOfSequence());
        String type = root.path("model").path("type").asText("BPE");
        if (!type.equals("BPE")) {
            throw new ModelFormatException(
                    source + ": tokenizer model type=" + type + ", supported=BPE");
        }
        byteLevel = mentions(root.path("decoder"), "ByteLevel");
        if (!byteLevel && !mentions(root.path("decoder"), "ByteFallback")) {
            throw new ModelFormatException(
                    source
                            + ": tokenizer decoder="
                            + root.path("decoder").path("type").asText("none")
                            + ", supported=ByteLevel and ByteFallback");
        }
        pieces = new String[vocabSize];
        bytes = new byte[vocabSize][];
        readVocabulary();
        readAddedTokens();
    }

    /** A token that ends a turn is a control token, whatever its file says. */
    private static void markEnds(ObjectNode root, Set<Integer> ends) {
        for (JsonNode token : root.path("added_tokens")) {
            if (ends.contains(token.path("id").asInt(-1))) {
                ((ObjectNode) token).put("special", true);
            }
        }
    }

    static TokenizerJson parse(String source, TokenizerFiles files, int vocabSize) {
        try {
            if (MAPPER.readTree(files.tokenizerJson()) instanceof ObjectNode root
                    && root.path("model").path("vocab") instanceof ObjectNode) {
                return new TokenizerJson(source, root, files, vocabSize);
            }
        } catch (JsonProcessingException e) {
            throw new ModelFormatException(
                    source + ": tokenizer.json is malformed: " + e.getOriginalMessage(), e);
        }
        throw new ModelFormatException(source + ": tokenizer.json has no object model.vocab");
    }

    /** For text whose control tokens count. */
    String withControlTokens() {
        ObjectNode copy = root.deepCopy();
        copy.remove(NEVER_APPLIED);
        return copy.toString();
    }

    /**
     * For text of users: without the control tokens, not even in the vocabulary. Other added tokens
     * move into the vocabulary too, because the library numbers added tokens that it does not find
     * there anew.
     */
    String withoutControlTokens() {
        ObjectNode copy = root.deepCopy();
        copy.remove(NEVER_APPLIED);
        ObjectNode model = (ObjectNode) copy.path("model");
        ObjectNode vocabulary = (ObjectNode) model.path("vocab");
        ArrayNode kept = MAPPER.createArrayNode();
        Set<String> gone = new HashSet<>();
        String unknown = model.path("unk_token").asText(null);
        for (JsonNode token : copy.path("added_tokens")) {
            String content = token.path("content").asText();
            if (!token.path("special").asBoolean()) {
                kept.add(token);
                vocabulary.set(content, token.path("id"));
            } else if (!content.equals(unknown)) {
                vocabulary.remove(content);
                gone.add(content);
            }
        }
        copy.set("added_tokens", kept);
        model.set("merges", mergesWithout(gone, model.path("merges")));
        return copy.toString();
    }

    /** The merges that neither take nor make one of these tokens. */
    private static ArrayNode mergesWithout(Set<String> tokens, JsonNode merges) {
        ArrayNode kept = MAPPER.createArrayNode();
        for (JsonNode merge : merges) {
            boolean isPair = merge.isArray();
            String[] pair =
                    isPair
                            ? new String[] {merge.path(0).asText(), merge.path(1).asText()}
                            : merge.asText().split(" ", 2);
            boolean isGone =
                    Stream.of(pair).anyMatch(tokens::contains)
                            || tokens.contains(String.join("", pair));
            if (!isGone) {
                kept.add(merge);
            }
        }
        return kept;
    }

    /** The vocabulary's own writing of a token; empty for an id without one. */
    String piece(int token) {
        return pieces[token] == null ? "" : pieces[token];
    }

    byte[] bytes(int token) {
        return bytes[token] == null ? new byte[0] : bytes[token].clone();
    }

    /** Texts of control tokens by id, ascending. */
    SortedMap<Integer, String> controlTokens() {
        return controlTokens;
    }

    /** Ids of control tokens and of other added tokens, ascending. */
    SortedSet<Integer> addedTokens() {
        return addedTokens;
    }

    private void readVocabulary() {
        for (Map.Entry<String, JsonNode> entry : root.path("model").path("vocab").properties()) {
            int id = id(entry.getKey(), entry.getValue());
            pieces[id] = entry.getKey();
            bytes[id] =
                    byteLevel
                            ? ByteAlphabet.decode(entry.getKey())
                            : sentencePieceBytes(entry.getKey());
        }
    }

    private void readAddedTokens() {
        for (JsonNode token : root.path("added_tokens")) {
            String content = token.path("content").asText();
            int id = id(content, token.path("id"));
            pieces[id] = content;
            addedTokens.add(id);
            if (token.path("special").asBoolean()) {
                controlTokens.put(id, content);
                bytes[id] = new byte[0];
            } else {
                bytes[id] = content.getBytes(StandardCharsets.UTF_8);
            }
        }
    }

    private int id(String content, JsonNode id) {
        if (!id.canConvertToInt() || id.intValue() < 0 || id.intValue() >= pieces.length) {
            throw new ModelFormatException(
                    source
                            + ": token '"
                            + content
                            + "' has id="
                            + id
                            + ", the model has tokens 0 to "
                            + (pieces.length - 1));
        }
        return id.intValue();
    }

    /** {@code <0x0A>} is a byte; elsewhere U+2581 stands for a space. */
    private static byte[] sentencePieceBytes(String piece) {
        if (piece.length() == 6 && piece.startsWith("<0x") && piece.endsWith(">")) {
            return new byte[] {(byte) Integer.parseInt(piece.substring(3, 5), 16)};
        }
        return piece.replace('\u2581', ' ').getBytes(StandardCharsets.UTF_8);
    }

    private static boolean mentions(JsonNode node, String type) {
        if (node.path("type").asText().equals(type)) {
            return true;
        }
        for (JsonNode child : node) {
            if (child.isContainerNode() && mentions(child, type)) {
                return true;
            }
        }
        return false;
    }
}
