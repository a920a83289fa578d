package org.millrace.engine.batch;

import java.util.ArrayList;
import java.util.List;

/**
 * Decides which rows the next step computes: every sequence that decodes gets its one row, prompts
 * share what is left of the token budget in the order of their arrival.
 */
final class Scheduler {
    /** Rows of one sequence in a step: positions from {@code sequence.nextPosition()}. */
    record Slice(Sequence sequence, int rows) {
        /**
         * Whether the step computes the sequence's last token, so that the next one can be sampled.
         */
        boolean reachesEnd() {
            return rows == sequence.pendingTokens();
        }
    }

    private final int maxBatchTokens;

    Scheduler(int maxBatchTokens) {
        this.maxBatchTokens = maxBatchTokens;
    }

    /** The next step's slices, at most {@code maxBatchTokens} rows in all. */
    List<Slice> schedule(Iterable<Sequence> live) {
        List<Slice> slices = new ArrayList<>();
        int budget = maxBatchTokens;
        for (Sequence sequence : live) {
            if (sequence.pendingTokens() == 1 && budget > 0) {
                slices.add(new Slice(sequence, 1));
                budget--;
            }
        }
        for (Sequence sequence : live) {
            if (sequence.pendingTokens() > 1 && budget > 0) {
                int rows = Math.min(sequence.pendingTokens(), budget);
                slices.add(new Slice(sequence, rows));
                budget -= rows;
            }
        }
        return slices;
    }
}
