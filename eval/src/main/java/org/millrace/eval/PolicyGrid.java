// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionOption;

/**
 * Policies over a range of budgets, so that they can be compared where they take the same bytes.
 *
 * @param keeps shares of slots to keep
 * @param recoveries values of T
 */
public record PolicyGrid(List<Double> keeps, List<Double> recoveries) {
    private static final List<RetentionOption> RATIOS =
            List.of(RetentionOption.LOCAL_RATIO, RetentionOption.FREQUENT_RATIO);

    /**
     * All budgets of policies in text form; one that names its budget stays as it is.
     *
     * @throws IllegalArgumentException if a policy is wrong
     */
    public List<Retention> expand(List<String> policies) {
        Set<Retention> all = new LinkedHashSet<>();
        policies.forEach(policy -> expand(policy).forEach(all::add));
        return List.copyOf(all);
    }

    private Stream<Retention> expand(String text) {
        Retention retention = Retention.parse(text);
        boolean takesKeep = retention.takes(RetentionOption.KEEP);
        boolean takesRecovery = retention.takes(RetentionOption.RECOVERY);
        if (names(text, RetentionOption.KEEP) || names(text, RetentionOption.RECOVERY)) {
            return Stream.of(retention);
        }
        if (takesKeep || takesRecovery) {
            return Stream.concat(
                    takesKeep ? over(retention, RetentionOption.KEEP, keeps) : Stream.of(),
                    takesRecovery
                            ? over(retention, RetentionOption.RECOVERY, recoveries)
                            : Stream.of());
        }
        return byRatios(text, retention);
    }

    /** A policy without a choice: its ratios add up to what it keeps. */
    private Stream<Retention> byRatios(String text, Retention retention) {
        List<RetentionOption> ratios = RATIOS.stream().filter(retention::takes).toList();
        if (ratios.isEmpty() || ratios.stream().anyMatch(ratio -> names(text, ratio))) {
            return Stream.of(retention);
        }
        List<Retention> all = new ArrayList<>();
        for (double keep : keeps) {
            Retention next = retention;
            for (RetentionOption ratio : ratios) {
                next = next.with(ratio, Double.toString(keep / ratios.size()));
            }
            all.add(next);
        }
        return all.stream();
    }

    private static boolean names(String text, RetentionOption option) {
        return text.contains(" " + option.key() + "=");
    }

    private static Stream<Retention> over(
            Retention retention, RetentionOption option, List<Double> values) {
        return values.stream().map(value -> retention.with(option, Double.toString(value)));
    }
}
