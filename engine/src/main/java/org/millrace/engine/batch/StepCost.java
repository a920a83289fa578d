// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.Arrays;
import org.millrace.engine.model.spec.ModelSpec;

/**
 * Foresees how long a step takes. The cost of rows is counted in rows without context: a row at
 * position {@code p} costs {@code 1 + p / rowPositions}, since attention reads all that is before
 * it. What such a row takes in time comes from the steps measured last.
 */
final class StepCost {
    /** Steps that are looked back at. */
    private static final int WINDOW = 8;

    /** Of these steps may have been slower than what is foreseen. */
    private static final int SLOWER = WINDOW / 4;

    /** Time of an operation in attention, in operations in a product with weights (measured). */
    private static final double ATTENTION_FACTOR = 3;

    private final double rowPositions;
    private final double[] nanosPerCost = new double[WINDOW];
    private long measured;

    /**
     * @param rowPositions whose attention costs as much as the rest of a row
     */
    StepCost(double rowPositions) {
        this.rowPositions = rowPositions;
    }

    /** From the sizes of weights and heads. */
    static StepCost of(ModelSpec spec) {
        double hidden = spec.hiddenSize();
        double queries = (double) spec.numHeads() * spec.headDim();
        double keys = (double) spec.numKvHeads() * spec.headDim();
        double weights = hidden * (2 * queries + 2 * keys + 3.0 * spec.intermediateSize());
        return new StepCost(weights / (2 * queries * ATTENTION_FACTOR));
    }

    /** Cost of rows from a position on. */
    double of(int position, int rows) {
        return rows + rows * (position + rows / 2.0) / rowPositions;
    }

    /** Most rows from a position on that cost no more. */
    int rows(int position, double cost) {
        double before = rowPositions + position;
        return (int) (Math.sqrt(before * before + 2 * rowPositions * Math.max(0, cost)) - before);
    }

    /** Notes how long a step took. */
    void measured(double cost, long nanos) {
        nanosPerCost[(int) (measured++ % WINDOW)] = nanos / cost;
    }

    /** The cost of a step that should be done in this time; any while none was measured. */
    double within(long nanos) {
        int steps = (int) Math.min(measured, WINDOW);
        if (steps == 0) {
            return Double.POSITIVE_INFINITY;
        }
        double[] ascending = Arrays.copyOf(nanosPerCost, steps);
        Arrays.sort(ascending);
        return nanos / ascending[Math.max(0, steps - 1 - SLOWER)];
    }
}
