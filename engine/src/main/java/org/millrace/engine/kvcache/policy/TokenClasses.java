// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.Collection;
import java.util.function.IntFunction;

/**
 * Tokens that the paper's first two policies keep. Special: the vocabulary's added tokens, such as
 * the chat template's. Punctuation: other tokens whose text, stripped of white space, is ASCII
 * punctuation only, and not empty.
 */
public final class TokenClasses {
    private final BitSet special = new BitSet();
    private final BitSet punctuation = new BitSet();

    private TokenClasses() {}

    /**
     * @param addedTokens ids of the vocabulary's added tokens
     * @param bytes text of a token
     */
    public static TokenClasses of(
            int vocabSize, Collection<Integer> addedTokens, IntFunction<byte[]> bytes) {
        TokenClasses classes = new TokenClasses();
        addedTokens.forEach(classes.special::set);
        for (int token = 0; token < vocabSize; token++) {
            if (!classes.isSpecial(token) && isPunctuation(bytes.apply(token))) {
                classes.punctuation.set(token);
            }
        }
        return classes;
    }

    private static boolean isPunctuation(byte[] text) {
        String stripped = new String(text, StandardCharsets.UTF_8).strip();
        return !stripped.isEmpty() && stripped.chars().allMatch(TokenClasses::isAsciiPunctuation);
    }

    private static boolean isAsciiPunctuation(int c) {
        return c > ' ' && c < 0x7F && !Character.isLetterOrDigit(c);
    }

    public boolean isSpecial(int token) {
        return special.get(token);
    }

    public boolean isPunctuation(int token) {
        return punctuation.get(token);
    }
}
