// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Medians over rounds of several contenders.
 *
 * @param model file name
 * @param processor as the kernel names it
 * @param loadAverage of the minute before anything was started; much above 0 and the numbers are
 *     not to be used
 * @param rows one per workload and thread count
 */
record Comparison(String model, String processor, double loadAverage, int rounds, List<Row> rows) {

    /**
     * One line of the table.
     *
     * @param tokensPerSecond median of each contender, by name
     * @param ratios Millrace to each other contender: the median of the ratios within a round
     */
    record Row(
            Workload workload,
            int threads,
            Map<String, Double> tokensPerSecond,
            Map<String, Double> ratios) {

        /** Samples: one per round, in the same order for all contenders. */
        static Row of(Workload workload, int threads, Map<String, List<Double>> samples) {
            Map<String, Double> medians = new TreeMap<>();
            Map<String, Double> ratios = new TreeMap<>();
            List<Double> own = samples.get(Millrace.NAME);
            samples.forEach(
                    (name, values) -> {
                        medians.put(name, median(values));
                        if (!name.equals(Millrace.NAME)) {
                            ratios.put(name, median(quotients(own, values)));
                        }
                    });
            return new Row(workload, threads, medians, ratios);
        }

        private static List<Double> quotients(List<Double> numerators, List<Double> denominators) {
            List<Double> quotients = new ArrayList<>();
            for (int i = 0; i < numerators.size(); i++) {
                quotients.add(numerators.get(i) / denominators.get(i));
            }
            return quotients;
        }
    }

    /** The mean of the two middle values where their number is even. */
    static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
