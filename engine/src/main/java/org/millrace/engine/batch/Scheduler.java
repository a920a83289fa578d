// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Decides which rows the next step computes. Every sequence that decodes gets its one row; prompts
 * and replays share what is left. A quarter goes to the one that has waited longest ({@link
 * Urgency#BY_AGE}), so that none starves; the rest by priority, then to those with the fewest
 * tokens to go.
 *
 * <p>A step that brings a token keeps to a cost, as long as an eighth of the token budget is left
 * for prompts: they always get ahead. Who gets which rows changes no bit of what is generated.
 */
final class Scheduler {
    private static final int AGED_SHARE = 4;
    private static final int LEAST_SHARE = 8;

    /** The next {@code rows} rows of a sequence, computed in one step. */
    record Slice(Sequence sequence, int rows) {
        /** Whether they end with the newest token, so that the next one can be sampled. */
        boolean reachesEnd() {
            return sequence.isEndedBy(rows);
        }
    }

    /**
     * What a sequence asks for.
     *
     * @param decodes whether it is one row, and brings a token
     * @param rows most rows of a step
     * @param remainingTokens rows until it decodes
     * @param position of the first row
     */
    record Demand(boolean decodes, int rows, int remainingTokens, int position, Urgency urgency) {
        private static Demand of(Sequence sequence, Urgency urgency) {
            return new Demand(
                    sequence.isDecoding(),
                    sequence.nextRows(),
                    sequence.remainingTokens(),
                    sequence.cache().nextPosition(),
                    urgency);
        }
    }

    private static final Comparator<Demand> ORDER =
            Comparator.<Demand>comparingInt(demand -> demand.urgency().priority())
                    .reversed()
                    .thenComparingInt(Demand::remainingTokens)
                    .thenComparing(Demand::urgency, Urgency.BY_AGE);

    /** Whether the next rows of a sequence can be computed; it waits otherwise. */
    @FunctionalInterface
    interface Gate {
        boolean opens(Sequence sequence, int rows);
    }

    private final int maxBatchTokens;
    private final StepCost cost;

    Scheduler(int maxBatchTokens, StepCost cost) {
        this.maxBatchTokens = maxBatchTokens;
        this.cost = cost;
    }

    /**
     * The next step's slices, at most {@code maxBatchTokens} rows in all; those that decode first.
     *
     * @param live in order of arrival
     * @param maxCost of a step that brings a token
     * @param gate asked for each slice of a plan; without those that it refuses another is made
     */
    List<Slice> schedule(Map<Sequence, Urgency> live, double maxCost, Gate gate) {
        Map<Sequence, Urgency> willing = new LinkedHashMap<>(live);
        while (true) {
            List<Slice> slices = slices(willing, maxCost);
            List<Sequence> refused =
                    slices.stream()
                            .filter(slice -> !gate.opens(slice.sequence(), slice.rows()))
                            .map(Slice::sequence)
                            .toList();
            if (refused.isEmpty()) {
                return slices;
            }
            refused.forEach(willing::remove);
        }
    }

    /** What slices that are yet to be computed cost. */
    double cost(List<Slice> slices) {
        return slices.stream()
                .mapToDouble(
                        slice -> cost.of(slice.sequence().cache().nextPosition(), slice.rows()))
                .sum();
    }

    private List<Slice> slices(Map<Sequence, Urgency> live, double maxCost) {
        List<Sequence> sequences = List.copyOf(live.keySet());
        List<Demand> demands =
                sequences.stream().map(each -> Demand.of(each, live.get(each))).toList();
        int[] rows = plan(demands, maxCost);
        return IntStream.range(0, rows.length)
                // A rest may have nothing to compute, and ends with its slice.
                .filter(i -> rows[i] > 0 || demands.get(i).rows() == 0)
                .boxed()
                .sorted(Comparator.comparing(i -> !demands.get(i).decodes()))
                .map(i -> new Slice(sequences.get(i), rows[i]))
                .toList();
    }

    /**
     * Rows for each demand. Depends on nothing else.
     *
     * @param demands in order of arrival
     */
    int[] plan(List<Demand> demands, double maxCost) {
        int[] rows = share(demands, Double.POSITIVE_INFINITY);
        boolean bringsToken =
                IntStream.range(0, rows.length)
                        .anyMatch(i -> rows[i] > 0 && rows[i] == demands.get(i).remainingTokens());
        return bringsToken ? share(demands, maxCost) : rows;
    }

    private int[] share(List<Demand> demands, double maxCost) {
        int[] rows = new int[demands.size()];
        Budget budget = new Budget(maxCost);
        List<Integer> prompts = new ArrayList<>();
        for (int i = 0; i < rows.length; i++) {
            if (demands.get(i).decodes()) {
                rows[i] = budget.decode(demands.get(i));
            } else {
                prompts.add(i);
            }
        }
        prompts.stream()
                .min(Comparator.comparing(i -> demands.get(i).urgency(), Urgency.BY_AGE))
                .ifPresent(i -> rows[i] = budget.prefill(demands.get(i), 0, AGED_SHARE));
        prompts.stream()
                .sorted(Comparator.comparing(demands::get, ORDER))
                .forEach(i -> rows[i] += budget.prefill(demands.get(i), rows[i], 1));
        return rows;
    }

    /** What is left of a step. */
    private final class Budget {
        private int rows = maxBatchTokens;
        private int leastRows = Math.max(1, maxBatchTokens / LEAST_SHARE);
        private double left;

        Budget(double maxCost) {
            left = maxCost;
        }

        int decode(Demand demand) {
            return spend(demand.position(), 1);
        }

        /**
         * More rows of a prompt.
         *
         * @param before rows that it has already
         * @param share of what is left that it may take, as a divisor
         */
        int prefill(Demand demand, int before, int share) {
            int position = demand.position() + before;
            int affordable = Math.max(part(leastRows, share), cost.rows(position, left / share));
            int given = Math.min(demand.rows() - before, Math.min(affordable, part(rows, share)));
            leastRows = Math.max(0, leastRows - given);
            return spend(position, given);
        }

        private static int part(int whole, int share) {
            return (whole + share - 1) / share;
        }

        private int spend(int position, int given) {
            rows -= given;
            left -= cost.of(position, given);
            return given;
        }
    }
}
