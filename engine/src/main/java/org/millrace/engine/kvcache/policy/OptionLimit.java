// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;

/**
 * Values that an option can take.
 *
 * @param text for error messages
 * @param canonical the one way to write a value; throws IllegalArgumentException on a bad one
 */
record OptionLimit(String text, UnaryOperator<String> canonical) {
    static OptionLimit share() {
        return new OptionLimit(
                "a number from 0 to 1",
                value -> {
                    double number = Double.parseDouble(value);
                    // Adding 0 turns -0 into 0.
                    return Double.toString(require(number >= 0 && number <= 1, number) + 0.0);
                });
    }

    static OptionLimit count(int most) {
        return new OptionLimit(
                "a whole number from 0 to " + most,
                value -> {
                    int number = Integer.parseInt(value);
                    return Integer.toString(require(number >= 0 && number <= most, number));
                });
    }

    static <E extends Enum<E>> OptionLimit oneOf(Class<E> type) {
        List<String> words =
                Arrays.stream(type.getEnumConstants())
                        .map(constant -> constant.name().toLowerCase(Locale.ROOT))
                        .toList();
        return new OptionLimit(
                "one of " + String.join(", ", words),
                value -> require(words.contains(value), value));
    }

    private static <T> T require(boolean ok, T value) {
        if (!ok) {
            throw new IllegalArgumentException(String.valueOf(value));
        }
        return value;
    }
}
