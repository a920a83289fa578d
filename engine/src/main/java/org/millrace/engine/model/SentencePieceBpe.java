// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * SentencePiece BPE of GGUF files with tokenizer model {@code llama}, in the form of
 * tokenizer.json. The file has scores and no merges: every split of a token into two tokens is a
 * merge, in the order of the whole token's score.
 */
final class SentencePieceBpe {
    private static final String SPACE = "\u2581";

    /**
     * Longer tokens (runs of spaces) have few splits; this bounds the work on a hostile vocabulary.
     */
    private static final int MAX_PIECE_LENGTH = 512;

    private record Merge(String left, String right, int leftId, int rightId, float score) {}

    private SentencePieceBpe() {}

    /** Everything but the added tokens. */
    static ObjectNode json(GgufMetadata metadata, String[] tokens) {
        float[] scores = metadata.array("tokenizer.ggml.scores").floats();
        if (scores.length != tokens.length) {
            throw new ModelFormatException(
                    metadata.source()
                            + ": tokenizer.ggml.scores has count="
                            + scores.length
                            + ", tokens has count="
                            + tokens.length);
        }
        ObjectNode json = TokenizerJson.MAPPER.createObjectNode();
        json.put("version", "1.0");
        ArrayNode normalizers =
                json.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
        if (metadata.booleanOr("tokenizer.ggml.add_space_prefix", true)) {
            normalizers.addObject().put("type", "Prepend").put("prepend", SPACE);
        }
        addReplace(normalizers, " ", SPACE);
        ArrayNode decoders = json.putObject("decoder").put("type", "Sequence").putArray("decoders");
        addReplace(decoders, SPACE, " ");
        decoders.addObject().put("type", "ByteFallback");
        decoders.addObject().put("type", "Fuse");
        ObjectNode model = json.putObject("model").put("type", "BPE");
        long unknown = metadata.longOr("tokenizer.ggml.unknown_token_id", 0);
        if (unknown >= 0 && unknown < tokens.length) {
            model.put("unk_token", tokens[(int) unknown]);
        }
        model.put("fuse_unk", true).put("byte_fallback", true).put("ignore_merges", false);
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < tokens.length; id++) {
            vocabulary.put(tokens[id], id);
        }
        ArrayNode merges = model.putArray("merges");
        for (Merge merge : merges(metadata.source(), tokens, scores)) {
            merges.addArray().add(merge.left()).add(merge.right());
        }
        return json;
    }

    private static List<Merge> merges(String source, String[] tokens, float[] scores) {
        Map<String, Integer> ids = new HashMap<>();
        for (int id = 0; id < tokens.length; id++) {
            ids.put(tokens[id], id);
        }
        List<Merge> merges = new ArrayList<>();
        for (int id = 0; id < tokens.length; id++) {
            String whole = tokens[id];
            if (whole.length() > MAX_PIECE_LENGTH) {
                throw new ModelFormatException(
                        source
                                + ": token "
                                + id
                                + " has characters="
                                + whole.length()
                                + ", limit="
                                + MAX_PIECE_LENGTH);
            }
            for (int at = 1; at < whole.length(); at++) {
                Integer left = ids.get(whole.substring(0, at));
                Integer right = ids.get(whole.substring(at));
                if (left != null && right != null) {
                    merges.add(new Merge(tokens[left], tokens[right], left, right, scores[id]));
                }
            }
        }
        merges.sort(
                Comparator.comparing(Merge::score, Comparator.reverseOrder())
                        .thenComparingInt(Merge::leftId)
                        .thenComparingInt(Merge::rightId));
        return merges;
    }

    private static void addReplace(ArrayNode steps, String from, String to) {
        ObjectNode replace = steps.addObject().put("type", "Replace");
        replace.putObject("pattern").put("String", from);
        replace.put("content", to);
    }
}
