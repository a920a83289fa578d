package org.millrace.engine.kvcache.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * One ranking of the columns of all heads of a session, so that heads share a budget: Ada-KV, arXiv
 * 2407.11550, over all layers. On a tie the lower head wins, then the lower column.
 */
final class SessionRanking {
    private final double[][] scores;
    private final BitSet always;

    /** Scores of all heads without the columns that are always kept. */
    private final double[] ascending;

    /**
     * @param scores double[heads][columns], not negative
     * @param always columns that every head keeps
     */
    SessionRanking(double[][] scores, BitSet always) {
        this.scores = scores;
        this.always = always;
        int columns = scores[0].length;
        ascending = new double[scores.length * (columns - always.cardinality())];
        int next = 0;
        for (double[] head : scores) {
            for (int j = always.nextClearBit(0); j < columns; j = always.nextClearBit(j + 1)) {
                ascending[next++] = head[j];
            }
        }
        Arrays.sort(ascending);
    }

    /** What each head keeps if all of them together have {@code budget} slots. */
    List<BitSet> kept(long budget) {
        long wanted = budget - (long) scores.length * always.cardinality();
        int count = (int) Math.max(0, Math.min(wanted, ascending.length));
        double threshold =
                count == 0 ? Double.POSITIVE_INFINITY : ascending[ascending.length - count];
        int ties = count;
        for (int i = ascending.length - 1; i >= 0 && ascending[i] > threshold; i--) {
            ties--;
        }
        List<BitSet> kept = new ArrayList<>(scores.length);
        for (double[] head : scores) {
            BitSet columns = (BitSet) always.clone();
            for (int j = always.nextClearBit(0); j < head.length; j = always.nextClearBit(j + 1)) {
                if (head[j] > threshold || head[j] == threshold && ties-- > 0) {
                    columns.set(j);
                }
            }
            kept.add(columns);
        }
        return kept;
    }

    /** The first positions of a session and the nearest of a prompt. */
    static BitSet sinksAndRecent(Turn turn, int sinks, int recent) {
        int columns = turn.promptTokens();
        BitSet always = new BitSet(columns);
        always.set(0, Math.min(Math.max(sinks - turn.start(), 0), columns));
        always.set(Math.max(columns - Math.max(recent, 1), 0), columns);
        return always;
    }
}
