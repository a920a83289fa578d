// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.List;

/**
 * Finds stop strings in text that arrives in pieces, also across pieces. Text that may be the start
 * of a stop string is held back until the next piece decides.
 */
final class StopStringMatcher {
    private final List<String> stopStrings;
    private final StringBuilder held = new StringBuilder();
    private boolean matched;

    StopStringMatcher(List<String> stopStrings) {
        this.stopStrings = stopStrings;
    }

    /**
     * Adds a piece; returns the text that is certain now. After a match that is all before the stop
     * string.
     */
    String append(String piece) {
        held.append(piece);
        int end = firstMatch();
        if (end >= 0) {
            matched = true;
            held.setLength(end);
            return flush();
        }
        int keep = longestPartialMatch();
        String certain = held.substring(0, held.length() - keep);
        held.delete(0, held.length() - keep);
        return certain;
    }

    boolean matched() {
        return matched;
    }

    /** The rest, when the generation ends without a match. */
    String flush() {
        String rest = held.toString();
        held.setLength(0);
        return rest;
    }

    private int firstMatch() {
        int first = -1;
        for (String stop : stopStrings) {
            int at = held.indexOf(stop);
            if (at >= 0 && (first < 0 || at < first)) {
                first = at;
            }
        }
        return first;
    }

    /** Length of the longest end of the held text that starts a stop string. */
    private int longestPartialMatch() {
        int longest = 0;
        for (String stop : stopStrings) {
            for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
                if (held.indexOf(stop.substring(0, n), held.length() - n) >= 0) {
                    longest = n;
                }
            }
        }
        return longest;
    }
}
