// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Keeps control tokens that users write apart from those of the template: in a message, the first
 * character of every control token's text is replaced by a private-use character that occurs
 * nowhere else, and put back after the rendered text was cut at its control tokens. Lengths stay,
 * so template filters such as {@code trim} work as ever.
 */
final class ControlTokenGuard {
    private static final char FIRST_PRIVATE = '\uE000';
    private static final char LAST_PRIVATE = '\uF8FF';

    private final Collection<String> controlTexts;
    private final String used;
    private final Map<Character, Character> guards = new HashMap<>();
    private char next = FIRST_PRIVATE;

    /**
     * A guard for one conversation.
     *
     * @param controlTexts texts of the control tokens
     * @param texts the template and all messages
     */
    ControlTokenGuard(Collection<String> controlTexts, Stream<String> texts) {
        this.controlTexts = controlTexts;
        used = privateCharacters(texts);
    }

    /** A character that occurs in none of the texts. */
    char unusedCharacter() {
        while (used.indexOf(next) >= 0) {
            next++;
        }
        if (next > LAST_PRIVATE) {
            throw new IllegalArgumentException(
                    "the messages use all private-use characters: limit="
                            + (LAST_PRIVATE - FIRST_PRIVATE));
        }
        return next++;
    }

    String guard(String text) {
        StringBuilder guarded = null;
        for (String control : controlTexts) {
            for (int at = text.indexOf(control); at >= 0; at = text.indexOf(control, at + 1)) {
                guarded = guarded == null ? new StringBuilder(text) : guarded;
                char first = control.charAt(0);
                guarded.setCharAt(at, guards.computeIfAbsent(first, c -> unusedCharacter()));
            }
        }
        return guarded == null ? text : guarded.toString();
    }

    String restore(String text) {
        String restored = text;
        for (Map.Entry<Character, Character> guard : guards.entrySet()) {
            restored = restored.replace(guard.getValue(), guard.getKey());
        }
        return restored;
    }

    private static String privateCharacters(Stream<String> texts) {
        StringBuilder found = new StringBuilder();
        texts.flatMapToInt(String::chars)
                .filter(c -> c >= FIRST_PRIVATE && c <= LAST_PRIVATE)
                .distinct()
                .forEach(c -> found.append((char) c));
        return found.toString();
    }
}
