// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/**
 * Keeps the nearest columns, a fixed number: the window of StreamingLLM, arXiv 2309.17453. Heads
 * without one forget the words that they have just written.
 */
record Recent(int tokens) implements Component {
    static final String WORD = "recent";

    static void keepNearest(int count, HeadSlots slots, BitSet kept) {
        for (int slot = slots.count() - 1; slot >= 0; slot--) {
            if (slots.turn().length() - 1 - slots.column(slot) >= count) {
                return;
            }
            kept.set(slots.column(slot));
        }
    }

    @Override
    public void keep(HeadSlots slots, BitSet kept) {
        keepNearest(tokens, slots, kept);
    }

    @Override
    public int window(int promptTokens) {
        return tokens;
    }

    @Override
    public String word() {
        return WORD;
    }
}
