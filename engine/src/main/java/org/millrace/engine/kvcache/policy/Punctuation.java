// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/** Keeps punctuation. C_punct. of FastGen, arXiv 2310.01801, section 3.3. */
record Punctuation() implements Component {
    static final String WORD = "punctuation";

    @Override
    public void keep(HeadSlots slots, BitSet kept) {
        for (int slot = 0; slot < slots.count(); slot++) {
            if (slots.turn().isPunctuation(slots.column(slot))) {
                kept.set(slots.column(slot));
            }
        }
    }

    @Override
    public String word() {
        return WORD;
    }
}
