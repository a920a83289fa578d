// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/** Keeps every column: C_full of FastGen, arXiv 2310.01801, section 3.3. */
record Everything() implements Component {
    static final String WORD = "full";

    @Override
    public void keep(HeadSlots slots, BitSet kept) {
        kept.or(slots.all());
    }

    @Override
    public String word() {
        return WORD;
    }
}
