// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.Arrays;
import java.util.BitSet;

/** The slots of a turn that one head holds, and their scores. Not thread safe. */
public final class HeadSlots {
    private final Turn turn;
    private final int[] columns;
    private final double[] scores;

    /** Ascending scores of the columns that are not in {@link #ranked}, from the last ranking. */
    private double[] ascending;

    private BitSet ranked;

    private HeadSlots(Turn turn, int[] columns, double[] scores) {
        this.turn = turn;
        this.columns = columns;
        this.scores = scores;
    }

    /** All columns of a prompt, for policies that rank none. */
    static HeadSlots ofPrompt(Turn turn) {
        return ofPrompt(turn, new double[turn.promptTokens()]);
    }

    /** All columns of a prompt. */
    static HeadSlots ofPrompt(Turn turn, double[] scores) {
        int[] columns = new int[turn.promptTokens()];
        Arrays.setAll(columns, j -> j);
        return new HeadSlots(turn, columns, scores);
    }

    /**
     * What a head holds of a turn while tokens are generated.
     *
     * @param positions ascending, from {@code turn.start()} on
     * @param scores of these positions
     */
    public static HeadSlots of(Turn turn, int[] positions, float[] scores) {
        int[] columns = new int[positions.length];
        double[] exact = new double[positions.length];
        for (int i = 0; i < positions.length; i++) {
            columns[i] = positions[i] - turn.start();
            exact[i] = scores[i];
        }
        return new HeadSlots(turn, columns, exact);
    }

    Turn turn() {
        return turn;
    }

    int count() {
        return columns.length;
    }

    int column(int slot) {
        return columns[slot];
    }

    /** The same slots, each score divided by the number of rows that could see the slot. */
    HeadSlots perRow() {
        double[] perRow = new double[scores.length];
        for (int slot = 0; slot < scores.length; slot++) {
            perRow[slot] = scores[slot] / (turn.length() - columns[slot]);
        }
        return new HeadSlots(turn, columns, perRow);
    }

    /** The columns held. */
    BitSet all() {
        BitSet all = new BitSet(turn.length());
        for (int column : columns) {
            all.set(column);
        }
        return all;
    }

    /**
     * Adds to {@code kept} the {@code count} columns of largest score that are not in it yet, or
     * all of them; the lower column wins a tie.
     */
    void keepLargest(int count, BitSet kept) {
        if (count <= 0) {
            return;
        }
        double[] others = ascendingScoresWithout(kept);
        if (count >= others.length) {
            kept.or(all());
            return;
        }
        double threshold = others[others.length - count];
        int ties = count;
        for (int i = others.length - 1; others[i] > threshold; i--) {
            ties--;
        }
        for (int slot = 0; slot < columns.length; slot++) {
            if (scores[slot] < threshold || kept.get(columns[slot])) {
                continue;
            }
            if (scores[slot] > threshold || ties-- > 0) {
                kept.set(columns[slot]);
            }
        }
    }

    /** Rungs of a ladder mostly ask for the same ranking: the last one is remembered. */
    private double[] ascendingScoresWithout(BitSet kept) {
        if (!kept.equals(ranked)) {
            ranked = (BitSet) kept.clone();
            ascending = new double[columns.length];
            int others = 0;
            for (int slot = 0; slot < columns.length; slot++) {
                if (!kept.get(columns[slot])) {
                    ascending[others++] = scores[slot];
                }
            }
            ascending = Arrays.copyOf(ascending, others);
            Arrays.sort(ascending);
        }
        return ascending;
    }
}
