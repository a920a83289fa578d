// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.List;
import java.util.Set;

/** Text to token ids and back. Thread safe. */
public interface Tokenizer extends AutoCloseable {
    /**
     * Token ids of {@code text}, without a beginning-of-sequence token.
     *
     * @param controlTokens whether the texts of control tokens (such as {@code <|im_end|>}) become
     *     these tokens; if not, they are plain text. Text of users is always encoded with false
     */
    int[] encode(String text, boolean controlTokens);

    /**
     * Bytes of one token's text, undecoded: a token may hold a part of a UTF-8 character. Control
     * tokens give none.
     */
    byte[] bytes(int token);

    /**
     * The token as written in the vocabulary's text, control tokens by name: for people to read.
     */
    String piece(int token);

    int vocabSize();

    /**
     * The token that starts every sequence, or -1 if this model has none or does not want it added.
     */
    int beginOfSequence();

    /** Tokens that end a generation. */
    Set<Integer> endOfSequence();

    /** Ids of all control tokens, ascending. */
    List<Integer> controlTokens();

    /** Ids of all added tokens, ascending: control tokens and texts that are one token each. */
    List<Integer> addedTokens();

    /** A decoder for one generation. */
    default StreamDecoder newStreamDecoder() {
        return new StreamDecoder(this);
    }

    @Override
    void close();
}
