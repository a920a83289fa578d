// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which rows of a prompt count for the recovered mass. Early rows lie inside any window and flatter
 * it. Text form: {@code all}, {@code last:32}, {@code last:1/4}.
 *
 * @param rows at the prompt's end
 * @param divisor that many rows, or that part of the prompt: rows are divided by it if above 0
 */
record RowSelection(int rows, int divisor) {
    private static final Pattern LAST =
            Pattern.compile("last:([1-9]\\d{0,8})(?:/([1-9]\\d{0,8}))?");

    static final OptionLimit LIMIT =
            new OptionLimit("all, last:32 or last:1/4", text -> parse(text).toString());

    static final RowSelection ALL = new RowSelection(1, 1);

    static RowSelection parse(String text) {
        if (text.equals("all")) {
            return ALL;
        }
        Matcher matcher = LAST.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(text);
        }
        int divisor = matcher.group(2) == null ? 0 : Integer.parseInt(matcher.group(2));
        return new RowSelection(Integer.parseInt(matcher.group(1)), divisor);
    }

    /** Rows that count of {@code promptTokens}, at least 1. */
    int count(int promptTokens) {
        long wanted = divisor == 0 ? rows : (long) rows * promptTokens / divisor;
        return (int) Math.max(1, Math.min(wanted, promptTokens));
    }

    @Override
    public String toString() {
        return equals(ALL) ? "all" : "last:" + rows + (divisor == 0 ? "" : "/" + divisor);
    }
}
