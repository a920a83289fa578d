package org.millrace.engine.kvcache.policy;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The rungs that a head can take, eq. 2 of FastGen. With several, the last one is full, for heads
 * that recover enough with no other. Text form: rungs, separated by comma; {@code sinks+1..14/16}
 * stands for 14 rungs, from {@code sinks+1/16} to {@code sinks+14/16}.
 */
record Ladder(List<Rung> rungs) {
    private static final Pattern RANGE =
            Pattern.compile("(.*?)(\\d{1,4})\\.\\.(\\d{1,4})/(\\d{1,4})");

    /** What can be said of a ladder without the sizes of its components. */
    static final OptionLimit LIMIT =
            new OptionLimit("rungs separated by comma, components joined by +", text -> text);

    /** Reads a ladder; sizes of its components come from {@code retention}. */
    static Ladder parse(String text, Retention retention) {
        List<Rung> rungs =
                Stream.of(text.split(",", -1))
                        .flatMap(Ladder::expand)
                        .map(rung -> Rung.parse(rung, retention))
                        .toList();
        if (rungs.size() > 1 && !rungs.get(rungs.size() - 1).keepsAll()) {
            throw new IllegalArgumentException(
                    "bad ladder: ladder=" + text + ", the last of several rungs must be full");
        }
        return new Ladder(rungs);
    }

    private static Stream<String> expand(String text) {
        Matcher range = RANGE.matcher(text);
        if (!range.matches()) {
            return Stream.of(text);
        }
        return IntStream.rangeClosed(
                        Integer.parseInt(range.group(2)), Integer.parseInt(range.group(3)))
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
