// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/**
 * Keeps the first positions of a session, which collect attention that has nowhere else to go:
 * attention sinks, StreamingLLM, arXiv 2309.17453.
 */
record Sinks(int tokens) implements Component {
    static final String WORD = "sinks";

    @Override
    public void keep(HeadSlots slots, BitSet kept) {
        for (int slot = 0; slot < slots.count(); slot++) {
            if (slots.turn().start() + slots.column(slot) >= tokens) {
                return;
            }
            kept.set(slots.column(slot));
        }
    }

    @Override
    public String word() {
        return WORD;
    }
}
