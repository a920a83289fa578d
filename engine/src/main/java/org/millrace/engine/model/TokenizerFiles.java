// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.Set;

/**
 * What a model's files say about text, in the form of Hugging Face.
 *
 * @param tokenizerJson the content of tokenizer.json, or its equal built from GGUF metadata
 * @param bosToken text of the beginning-of-sequence token, as templates use it, or null
 * @param eosToken text of the end-of-sequence token, or null
 * @param beginOfSequence id of the token that starts every sequence, or -1
 * @param endOfSequence ids of all tokens that end a generation
 * @param chatTemplate Jinja source, or null if the model has none
 */
record TokenizerFiles(
        String tokenizerJson,
        String bosToken,
        String eosToken,
        int beginOfSequence,
        Set<Integer> endOfSequence,
        String chatTemplate) {}
