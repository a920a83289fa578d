// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs contenders in turn, so that a slow minute of the machine hits them alike. */
final class Rounds {
    private final List<Contender> contenders;
    private final int rounds;
    private final List<Integer> threadCounts;

    Rounds(List<Contender> contenders, int rounds, List<Integer> threadCounts) {
        this.contenders = contenders;
        this.rounds = rounds;
        this.threadCounts = threadCounts;
    }

    /** Reports each measurement on standard error as it comes. */
    List<Comparison.Row> run() throws IOException, InterruptedException {
        List<Comparison.Row> rows = new ArrayList<>();
        for (int threads : threadCounts) {
            Map<Workload, Map<String, List<Double>>> samples = new EnumMap<>(Workload.class);
            for (int round = 1; round <= rounds; round++) {
                for (Contender contender : contenders) {
                    Map<Workload, Double> measured = contender.measure(threads);
                    System.err.printf(
                            "round %d of %d, %d threads, %s: %s%n",
                            round, rounds, threads, contender.name(), rounded(measured));
                    measured.forEach(
                            (workload, value) ->
                                    samples.computeIfAbsent(workload, w -> new LinkedHashMap<>())
                                            .computeIfAbsent(
                                                    contender.name(), n -> new ArrayList<>())
                                            .add(value));
                }
            }
            samples.forEach(
                    (workload, byName) -> rows.add(Comparison.Row.of(workload, threads, byName)));
        }
        return rows;
    }

    private static Map<String, Long> rounded(Map<Workload, Double> measured) {
        Map<String, Long> byTitle = new LinkedHashMap<>();
        measured.forEach((workload, value) -> byTitle.put(workload.title(), Math.round(value)));
        return byTitle;
    }
}
