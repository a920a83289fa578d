// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Byte-level BPE of GGUF files with tokenizer model {@code gpt2}, in the form of tokenizer.json.
 */
final class ByteLevelBpe {
    private static final String GPT2_WORDS =
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)";
    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String LETTERS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
    private static final String OTHERS =
            " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private ByteLevelBpe() {}

    /** Everything but the added tokens. */
    static ObjectNode json(GgufMetadata metadata, String[] tokens, String pre) {
        ObjectNode json = TokenizerJson.MAPPER.createObjectNode();
        json.put("version", "1.0");
        ArrayNode steps = TokenizerJson.MAPPER.createArrayNode();
        boolean ignoreMerges = false;
        switch (pre) {
            case "smollm" -> {
                steps.addObject().put("type", "Digits").put("individual_digits", true);
                addByteLevel(steps, true);
            }
            case "gpt-2", "gpt2" -> addByteLevel(steps, true);
            case "default" -> {
                addSplit(steps, "[\\p{P}\\$\\+<=>\\^~\\|]+");
                addSplit(steps, GPT2_WORDS);
                addSplit(steps, "\\p{N}+");
                addSplit(steps, "[0-9][0-9][0-9]");
                addByteLevel(steps, false);
            }
            case "llama-bpe", "llama3" -> {
                ignoreMerges = true;
                addSplit(steps, join(CONTRACTIONS, LETTERS, "\\p{N}{1,3}", OTHERS));
                addByteLevel(steps, false);
            }
            case "qwen2" -> {
                addSplit(steps, join(CONTRACTIONS, LETTERS, "\\p{N}", OTHERS));
                addByteLevel(steps, false);
            }
            default ->
                    throw new ModelFormatException(
                            metadata.source()
                                    + ": pre-tokenizer="
                                    + pre
                                    + ", supported=smollm, gpt-2, default, llama-bpe, qwen2");
        }
        json.putObject("pre_tokenizer").put("type", "Sequence").set("pretokenizers", steps);
        json.putObject("decoder")
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", false)
                .put("use_regex", false);
        ObjectNode model = json.putObject("model").put("type", "BPE");
        model.put("ignore_merges", ignoreMerges);
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < tokens.length; id++) {
            vocabulary.put(tokens[id], id);
        }
        model.set("merges", merges(metadata, vocabulary));
        return json;
    }

    private static ArrayNode merges(GgufMetadata metadata, ObjectNode vocabulary) {
        ArrayNode merges = TokenizerJson.MAPPER.createArrayNode();
        for (String merge : metadata.array("tokenizer.ggml.merges").strings()) {
            int space = merge.indexOf(' ', 1);
            String left = space < 0 ? "" : merge.substring(0, space);
            String right = space < 0 ? "" : merge.substring(space + 1);
            if (!vocabulary.has(left) || !vocabulary.has(right) || !vocabulary.has(left + right)) {
                throw new ModelFormatException(
                        metadata.source()
                                + ": merge '"
                                + merge
                                + "' names a token that the vocabulary lacks");
            }
            merges.addArray().add(left).add(right);
        }
        return merges;
    }

    private static void addSplit(ArrayNode steps, String regex) {
        ObjectNode split = steps.addObject().put("type", "Split");
        split.putObject("pattern").put("Regex", regex);
        split.put("behavior", "Isolated").put("invert", false);
    }

    private static void addByteLevel(ArrayNode steps, boolean useRegex) {
        steps.addObject()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", false)
                .put("use_regex", useRegex);
    }

    private static String join(String... alternatives) {
        return String.join("|", alternatives);
    }
}
