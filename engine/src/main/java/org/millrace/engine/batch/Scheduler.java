// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.ArrayList;
import java.util.List;

/**
 * Decides which rows the next step computes: every sequence that decodes gets its one row, prompts
 * and replays share what is left of the token budget in the order of their arrival.
 */
final class Scheduler {
    /** The next {@code rows} rows of a sequence, computed in one step. */
    record Slice(Sequence sequence, int rows) {
        /** Whether they end with the newest token, so that the next one can be sampled. */
        boolean reachesEnd() {
            return sequence.isEndedBy(rows);
        }
    }

    private final int maxBatchTokens;

    Scheduler(int maxBatchTokens) {
        this.maxBatchTokens = maxBatchTokens;
    }

    /** Whether the next rows of a sequence can be computed; it waits otherwise. */
    @FunctionalInterface
    interface Gate {
        boolean opens(Sequence sequence, int rows);
    }

    /**
     * The next step's slices, at most {@code maxBatchTokens} rows in all.
     *
     * @param gate asked once for each slice that is wanted
     */
    List<Slice> schedule(Iterable<Sequence> live, Gate gate) {
        List<Slice> slices = new ArrayList<>();
        int budget = maxBatchTokens;
        for (Sequence sequence : live) {
            if (sequence.isDecoding() && budget > 0 && gate.opens(sequence, 1)) {
                slices.add(new Slice(sequence, 1));
                budget--;
            }
        }
        for (Sequence sequence : live) {
            if (!sequence.isDecoding() && budget > 0) {
                int rows = Math.min(sequence.nextRows(), budget);
                if (gate.opens(sequence, rows)) {
                    slices.add(new Slice(sequence, rows));
                    budget -= rows;
                }
            }
        }
        return slices;
    }
}
