// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What can be set of a retention policy: its parameters, and what the FastGen paper leaves open.
 */
public enum RetentionOption {
    RECOVERY("T: share of its attention that a head must recover", OptionLimit.share()),
    LOCAL_RATIO("r_l: local window as a share of the prompt", OptionLimit.share()),
    FREQUENT_RATIO("r_f: heavy hitters as a share of the current length", OptionLimit.share()),
    KEEP("budget as a share of the prompt's slots; of fastgen 0: as T asks", OptionLimit.share()),
    LADDER(
            "rungs that a head can take, full last, such as special,special+local,full",
            Ladder.LIMIT),
    SCORE("what makes a heavy hitter", OptionLimit.oneOf(FrequentScore.class)),
    PEAK_DISTANCE("nearer rows than this do not count for peaks", OptionLimit.count(1 << 20)),
    POOLING("mass of a KV head out of its query heads'", OptionLimit.oneOf(HeadPooling.class)),
    ROWS("rows of the prompt that count for the mass", RowSelection.LIMIT),
    SINKS("first positions of a session that are always kept", OptionLimit.count(1 << 20)),
    RECENT("nearest positions that are always kept", OptionLimit.count(1 << 20)),
    MIN_PROMPT("shorter prompts are kept whole, in tokens", OptionLimit.count(1 << 20)),
    REVIEW_INTERVAL("generated tokens between reviews, 0 for none", OptionLimit.count(1 << 20)),
    SEED("of a random ranking", OptionLimit.count(Integer.MAX_VALUE));

    private final String description;
    private final OptionLimit limit;

    RetentionOption(String description, OptionLimit limit) {
        this.description = description;
        this.limit = limit;
    }

    /** As it is written on command lines and in records: {@code local-ratio}. */
    public String key() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** For help texts. */
    public String description() {
        return description + ": " + limit.text();
    }

    /**
     * The option written as {@code key}.
     *
     * @throws IllegalArgumentException naming it and the known ones
     */
    public static RetentionOption ofKey(String key) {
        for (RetentionOption option : values()) {
            if (option.key().equals(key)) {
                return option;
            }
        }
        String known =
                Arrays.stream(values()).map(RetentionOption::key).collect(Collectors.joining(", "));
        throw new IllegalArgumentException(
                "unknown retention option: option=" + key + ", known=" + known);
    }

    /**
     * The one way to write a value.
     *
     * @throws IllegalArgumentException naming option, value and limit
     */
    String canonical(String value) {
        try {
            return limit.canonical().apply(value);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "bad " + key() + ": " + key() + "=" + value + ", must be " + limit.text(), e);
        }
    }
}
