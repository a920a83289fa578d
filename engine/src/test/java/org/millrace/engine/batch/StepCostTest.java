// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StepCostTest {
    private static final double ROW_POSITIONS = 1000;
    private static final long BOUND_NANOS = 200_000_000;

    private final StepCost cost = new StepCost(ROW_POSITIONS);

    @Test
    void aRowCostsMoreTheMoreIsBeforeIt() {
        assertThat(cost.of(0, 0)).isZero();
        assertThat(cost.of(1000, 2)).isEqualTo(4.002);
        assertThat(cost.of(0, 100) + cost.of(100, 100)).isEqualTo(cost.of(0, 200));
    }

    @ParameterizedTest
    @CsvSource({"0,1", "0,256", "1999,1", "2000,200", "100000,7"})
    void asManyRowsAsACostAllows(int position, int rows) {
        assertThat(cost.rows(position, cost.of(position, rows) + 1e-3)).isEqualTo(rows);
        assertThat(cost.rows(position, cost.of(position, rows) - 1e-3)).isEqualTo(rows - 1);
    }

    @Test
    void anyNumberOfRowsWithoutALimitAndWhileNothingWasMeasured() {
        assertThat(cost.rows(5, Double.POSITIVE_INFINITY)).isEqualTo(Integer.MAX_VALUE);
        assertThat(cost.within(BOUND_NANOS)).isInfinite();
        assertThat(cost.rows(5, -3)).isZero();
    }

    /** A prompt of 6,000 tokens: steps stay as long as they should while rows become dearer. */
    @Test
    void stepsBecomeSmallerAsTheContextGrows() {
        cost.measured(cost.of(0, 32), nanos(0, 32));
        int position = 32;
        int first = cost.rows(position, cost.within(BOUND_NANOS));
        int rows = first;
        while (position < 6000) {
            rows = cost.rows(position, cost.within(BOUND_NANOS));
            long nanos = nanos(position, rows);
            assertThat(nanos).as("position=" + position).isBetween(190_000_000L, BOUND_NANOS);
            cost.measured(cost.of(position, rows), nanos);
            position += rows;
        }
        assertThat(rows).isLessThan(first / 5);
    }

    /** Half a millisecond a row, as much again for each thousand positions. */
    private static long nanos(int position, int rows) {
        return (long) (rows * (500_000 + 500.0 * (position + rows / 2.0)));
    }

    @Test
    void aStepThatWasHeldUpChangesNothing() {
        for (int i = 0; i < 8; i++) {
            cost.measured(100, 100_000_000);
        }
        cost.measured(100, 5_000_000_000L);
        assertThat(cost.within(BOUND_NANOS)).isEqualTo(200);
    }

    @Test
    void aSlowerMachineIsSeenInThreeStepsAndAFasterOneInSix() {
        for (int i = 0; i < 8; i++) {
            cost.measured(100, 100_000_000);
        }
        for (int i = 0; i < 3; i++) {
            cost.measured(100, 400_000_000);
        }
        assertThat(cost.within(BOUND_NANOS)).isEqualTo(50);
        for (int i = 0; i < 6; i++) {
            cost.measured(100, 50_000_000);
        }
        assertThat(cost.within(BOUND_NANOS)).isEqualTo(400);
    }
}
