// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The ablations of FastGen's paper (arXiv 2310.01801, tables 4 and 5): its ladder with one
 * component left out, and with its components in another order.
 */
public final class Ablation {
    private static final List<String> ORDER =
            List.of("special", "punctuation", "frequent", "local");

    private Ablation() {}

    /** The paper's ladder and its variations at one T, as policies in text form. */
    public static List<String> policies(double recovery) {
        List<List<String>> orders = new ArrayList<>();
        orders.add(ORDER);
        for (String left : ORDER) {
            orders.add(ORDER.stream().filter(component -> !component.equals(left)).toList());
        }
        orders.add(List.of("special", "punctuation", "local", "frequent"));
        orders.add(List.of("special", "frequent", "local", "punctuation"));
        orders.add(List.of("local", "frequent", "punctuation", "special"));
        return orders.stream()
                .map(order -> "fastgen-paper recovery=" + recovery + " ladder=" + ladder(order))
                .toList();
    }

    /** Each rung adds a component to the one before. */
    static String ladder(List<String> order) {
        List<String> rungs = new ArrayList<>();
        for (int size = 1; size <= order.size(); size++) {
            rungs.add(order.stream().limit(size).collect(Collectors.joining("+")));
        }
        rungs.add("full");
        return String.join(",", rungs);
    }
}
