// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/**
 * Fills a rung up with the columns of largest score, until it holds {@code part / whole} of the
 * current length, what its other components keep included. Written {@code 3/16}; comes last in a
 * rung.
 */
record Budget(int part, int whole) implements Component {
    @Override
    public void keep(HeadSlots slots, BitSet kept) {
        long size = (long) part * slots.turn().length() / whole;
        slots.keepLargest((int) size - kept.cardinality(), kept);
    }

    @Override
    public boolean isRanking() {
        return true;
    }

    @Override
    public String word() {
        return part + "/" + whole;
    }
}
