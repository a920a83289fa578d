// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/**
 * Keeps control tokens, such as the beginning of the sequence and the chat template's. C_special of
 * FastGen, arXiv 2310.01801, section 3.3.
 */
record Special() implements Component {
    static final String WORD = "special";

    @Override
    public void keep(HeadSlots slots, BitSet kept) {
        for (int slot = 0; slot < slots.count(); slot++) {
            if (slots.turn().isSpecial(slots.column(slot))) {
                kept.set(slots.column(slot));
            }
        }
    }

    @Override
    public String word() {
        return WORD;
    }
}
