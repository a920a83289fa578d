// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a request asks of its cache: a policy and the values of all options that this policy takes.
 *
 * <p>Text form, for records, state and command lines: the policy's name, then {@code option=value}
 * in the options' order, separated by spaces, such as {@code window local-ratio=0.3
 * review-interval=32}; at most {@value #MAX_TEXT_BYTES} bytes of UTF-8. What is left out takes the
 * policy's default; what is written by {@link #toString} leaves nothing out, so that stored
 * sessions do not change with the defaults.
 *
 * @param policy name, one of {@link RetentionPolicies#names}
 * @param options canonical values
 */
public record Retention(String policy, SortedMap<RetentionOption, String> options) {
    /** Longest text form, in bytes of UTF-8, also with all options written out. */
    public static final int MAX_TEXT_BYTES = 1024;

    /** Keeps everything. */
    public static final Retention FULL = new Retention(Full.NAME, new TreeMap<>());

    public Retention {
        options = Collections.unmodifiableSortedMap(new TreeMap<>(options));
    }

    /**
     * A policy with its defaults.
     *
     * @throws IllegalArgumentException if there is none of this name, naming those that are
     */
    public static Retention of(String policy) {
        return RetentionPolicies.preset(policy).defaults();
    }

    /**
     * Reads the text form.
     *
     * @throws IllegalArgumentException naming what is wrong and what would be right
     */
    public static Retention parse(String text) {
        checkLength(text);
        String[] words = text.strip().split("\\s+");
        Retention retention = of(words[0]);
        Map<RetentionOption, String> seen = new EnumMap<>(RetentionOption.class);
        for (int i = 1; i < words.length; i++) {
            String[] pair = words[i].split("=", 2);
            if (pair.length < 2) {
                throw new IllegalArgumentException(
                        "bad retention: word=" + words[i] + ", must be option=value");
            }
            RetentionOption option = RetentionOption.ofKey(pair[0]);
            if (seen.put(option, pair[1]) != null) {
                throw new IllegalArgumentException(
                        "bad retention: option=" + pair[0] + " is given twice");
            }
            retention = retention.with(option, pair[1]);
        }
        checkLength(retention.toString());
        return retention;
    }

    /**
     * The same with another value of an option.
     *
     * @throws IllegalArgumentException if the value is out of range or the policy does not take the
     *     option
     */
    public Retention with(RetentionOption option, String value) {
        if (!takes(option)) {
            throw new IllegalArgumentException(
                    "policy=" + policy + " does not take " + option.key() + ", it takes " + keys());
        }
        SortedMap<RetentionOption, String> changed = new TreeMap<>(options);
        changed.put(option, option.canonical(value));
        Retention retention = new Retention(policy, changed);
        // A ladder's rungs are only known to be right once they are read with the other options.
        RetentionPolicies.lookup(retention);
        return retention;
    }

    private static void checkLength(String text) {
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > MAX_TEXT_BYTES) {
            throw new IllegalArgumentException(
                    "bad retention: retentionBytes="
                            + bytes
                            + ", must be at most "
                            + MAX_TEXT_BYTES);
        }
    }

    /** Whether the policy has this option. */
    public boolean takes(RetentionOption option) {
        return options.containsKey(option);
    }

    private String keys() {
        return options.isEmpty()
                ? "no options"
                : String.join(", ", options.keySet().stream().map(RetentionOption::key).toList());
    }

    double number(RetentionOption option) {
        return Double.parseDouble(options.get(option));
    }

    /** 0 if the policy does not take the option. */
    int integer(RetentionOption option) {
        return Integer.parseInt(options.getOrDefault(option, "0"));
    }

    String text(RetentionOption option) {
        return options.get(option);
    }

    <E extends Enum<E>> E constant(RetentionOption option, Class<E> type) {
        return Enum.valueOf(type, options.get(option).toUpperCase(Locale.ROOT));
    }

    /** The text form. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(policy);
        options.forEach(
                (option, value) -> text.append(' ').append(option.key()).append('=').append(value));
        return text.toString();
    }
}
