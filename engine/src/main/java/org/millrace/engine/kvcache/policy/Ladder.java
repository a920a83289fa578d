// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The rungs that a head can take, eq. 2 of FastGen. With several, the last one is full, for heads
 * that recover enough with no other. Text form: rungs, separated by comma; {@code sinks+1..14/16}
 * stands for 14 rungs, from {@code sinks+1/16} to {@code sinks+14/16}; at most {@value #MAX_RUNGS}
 * in all.
 */
record Ladder(List<Rung> rungs) {
    static final int MAX_RUNGS = 64;

    private static final Pattern RANGE =
            Pattern.compile("(.*?)(\\d{1,4})\\.\\.(\\d{1,4})/(\\d{1,4})");

    /** What can be said of a ladder without the sizes of its components. */
    static final OptionLimit LIMIT =
            new OptionLimit(
                    "at most " + MAX_RUNGS + " rungs separated by comma, components joined by +",
                    text -> text);

    /** Reads a ladder; sizes of its components come from {@code retention}. */
    static Ladder parse(String text, Retention retention) {
        String[] parts = text.split(",", -1);
        checkCount(parts);
        List<Rung> rungs =
                Stream.of(parts)
                        .flatMap(Ladder::expand)
                        .map(rung -> Rung.parse(rung, retention))
                        .toList();
        if (rungs.size() > 1 && !rungs.get(rungs.size() - 1).keepsAll()) {
            throw new IllegalArgumentException(
                    "bad ladder: ladder=" + text + ", the last of several rungs must be full");
        }
        return new Ladder(rungs);
    }

    private static void checkCount(String[] parts) {
        long count = 0;
        for (String part : parts) {
            Matcher range = RANGE.matcher(part);
            int more = range.matches() ? to(range) - from(range) + 1 : 1;
            if (more < 1) {
                throw new IllegalArgumentException("bad ladder: range=" + part + ", must ascend");
            }
            count += more;
        }
        if (count > MAX_RUNGS) {
            throw new IllegalArgumentException(
                    "bad ladder: rungs=" + count + ", must be at most " + MAX_RUNGS);
        }
    }

    private static int from(Matcher range) {
        return Integer.parseInt(range.group(2));
    }

    private static int to(Matcher range) {
        return Integer.parseInt(range.group(3));
    }

    private static Stream<String> expand(String text) {
        Matcher range = RANGE.matcher(text);
        if (!range.matches()) {
            return Stream.of(text);
        }
        return IntStream.rangeClosed(from(range), to(range))
                .mapToObj(part -> range.group(1) + part + "/" + range.group(4));
    }

    int last() {
        return rungs.size() - 1;
    }

    boolean isRanking() {
        return rungs.stream().anyMatch(Rung::isRanking);
    }

    /** Windows of its rungs, each once, ascending. */
    List<Integer> windows(int promptTokens) {
        return rungs.stream()
                .filter(rung -> !rung.keepsAll())
                .map(rung -> rung.window(promptTokens))
                .distinct()
                .sorted()
                .toList();
    }
}
