// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

/**
 * The tokens that policies decide about: a turn's prompt and what was generated since. Column j is
 * position {@code start + j}; earlier positions are frozen and not looked at.
 *
 * @param start position of the first column
 * @param promptTokens columns of the prompt, at least 1
 * @param tokens ids of all columns so far
 */
public record Turn(int start, int promptTokens, int[] tokens, TokenClasses classes) {
    /** Columns so far. */
    public int length() {
        return tokens.length;
    }

    boolean isSpecial(int column) {
        return classes.isSpecial(tokens[column]);
    }

    boolean isPunctuation(int column) {
        return classes.isPunctuation(tokens[column]);
    }
}
