// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * One policy that a head can take: a union of components. Text form: their words, joined by {@code
 * +}, such as {@code special+punctuation}.
 */
record Rung(List<Component> components) {
    private static final Pattern BUDGET = Pattern.compile("([1-9]\\d{0,3})/([1-9]\\d{0,3})");

    /** Reads a rung; sizes of its components come from {@code retention}. */
    static Rung parse(String text, Retention retention) {
        List<Component> components = new ArrayList<>();
        for (String word : text.split("\\+", -1)) {
            if (!components.isEmpty() && components.get(components.size() - 1) instanceof Budget) {
                throw new IllegalArgumentException(
                        "bad ladder: rung=" + text + ", a budget must come last in its rung");
            }
            components.add(component(word, retention));
        }
        return new Rung(List.copyOf(components));
    }

    private static Component component(String word, Retention retention) {
        return switch (word) {
            case Special.WORD -> new Special();
            case Punctuation.WORD -> new Punctuation();
            case Frequent.WORD -> new Frequent(retention.number(RetentionOption.FREQUENT_RATIO));
            case Local.WORD -> new Local(retention.number(RetentionOption.LOCAL_RATIO));
            case Sinks.WORD -> new Sinks(retention.integer(RetentionOption.SINKS));
            case Recent.WORD -> new Recent(retention.integer(RetentionOption.RECENT));
            case Everything.WORD -> new Everything();
            default -> budget(word);
        };
    }

    private static Budget budget(String word) {
        Matcher matcher = BUDGET.matcher(word);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "bad ladder: component="
                            + word
                            + ", must be special, punctuation, frequent, local, sinks, recent, full or a budget"
                            + " such as 3/16");
        }
        return new Budget(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
    }

    boolean keepsAll() {
        return components.stream().anyMatch(Everything.class::isInstance);
    }

    boolean isRanking() {
        return !keepsAll() && components.stream().anyMatch(Component::isRanking);
    }

    /** Nearest columns that every row of the prompt sees: itself at least. */
    int window(int promptTokens) {
        return components.stream()
                .mapToInt(component -> component.window(promptTokens))
                .reduce(1, Math::max);
    }

    /** The columns that it keeps of what a head holds. */
    BitSet kept(HeadSlots slots) {
        BitSet kept = new BitSet(slots.turn().length());
        components.forEach(component -> component.keep(slots, kept));
        return kept;
    }

    @Override
    public String toString() {
        return components.stream().map(Component::word).collect(Collectors.joining("+"));
    }
}
