// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.Set;

/**
 * Tokens of GGUF files that end a turn or a document by their text, whatever a file names as its
 * end of sequence and whatever type it gives them, as in llama.cpp.
 */
final class EndTokens {
    private static final Set<String> TEXTS =
            Set.of(
                    "<|im_end|>",
                    "<|eot_id|>",
                    "<|eom_id|>",
                    "<|end|>",
                    "<|end_of_text|>",
                    "<|endoftext|>",
                    "<end_of_turn>");

    private EndTokens() {}

    static boolean contains(String token) {
        return TEXTS.contains(token);
    }
}
