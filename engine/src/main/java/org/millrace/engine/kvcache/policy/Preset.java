// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * A policy by name.
 *
 * @param defaults the options that it takes
 * @param policy what a retention of this name stands for
 */
record Preset(Retention defaults, Function<Retention, RetentionPolicy> policy) {
    /** For presets as data: {@code options} in text form. */
    static Preset of(String name, String options, Function<Retention, RetentionPolicy> policy) {
        SortedMap<RetentionOption, String> values = new TreeMap<>();
        for (String word : options.isEmpty() ? new String[0] : options.split(" ")) {
            String[] pair = word.split("=", 2);
            RetentionOption option = RetentionOption.ofKey(pair[0]);
            values.put(option, option.canonical(pair[1]));
        }
        return new Preset(new Retention(name, values), policy);
    }

    String name() {
        return defaults.policy();
    }
}
