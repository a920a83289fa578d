// SPDX-License-Identifier: Apache-2.0
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
    private final int heads;
    private final int columns;

    /** Bits of a score, then the complement of head * columns + column; the best comes last. */
    private final long[] ascending;

    /**
     * @param scores float[heads][columns], not negative
     */
    SessionRanking(float[][] scores) {
        heads = scores.length;
        columns = scores[0].length;
        ascending = new long[heads * columns];
        for (int i = 0; i < ascending.length; i++) {
            // Bits of floats that are not negative ascend with them; -0 would not.
            int bits = Float.floatToRawIntBits(scores[i / columns][i % columns] + 0f);
            ascending[i] = (long) bits << Integer.SIZE | Integer.toUnsignedLong(~i);
        }
        Arrays.sort(ascending);
    }

    /**
     * What each head keeps if all of them together have {@code budget} slots.
     *
     * @param always columns that every head keeps, even beyond the budget
     */
    List<BitSet> kept(long budget, BitSet always) {
        List<BitSet> kept = new ArrayList<>(heads);
        for (int head = 0; head < heads; head++) {
            kept.add((BitSet) always.clone());
        }
        long left = budget - (long) heads * always.cardinality();
        for (int rank = ascending.length - 1; rank >= 0 && left > 0; rank--) {
            int i = ~(int) ascending[rank];
            if (!always.get(i % columns)) {
                kept.get(i / columns).set(i % columns);
                left--;
            }
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
