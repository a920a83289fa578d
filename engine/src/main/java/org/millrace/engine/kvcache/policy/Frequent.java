// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/**
 * Keeps the heavy hitters: the columns of largest score, whatever else keeps them too. The budget
 * is a share of the current length, so it grows while tokens are generated. C_frequent of FastGen,
 * arXiv 2310.01801, section 3.3, after H2O, arXiv 2306.14048.
 *
 * @param ratio r_f
 */
record Frequent(double ratio) implements Component {
    static final String WORD = "frequent";

    @Override
    public void keep(HeadSlots slots, BitSet kept) {
        BitSet frequent = new BitSet();
        slots.keepLargest((int) Math.floor(ratio * slots.turn().length()), frequent);
        kept.or(frequent);
    }

    @Override
    public boolean isRanking() {
        return true;
    }

    @Override
    public String word() {
        return WORD;
    }
}
