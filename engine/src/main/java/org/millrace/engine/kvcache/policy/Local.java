// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/**
 * Keeps the nearest columns. The window is a share of the prompt, so it does not grow while tokens
 * are generated. C_local of FastGen, arXiv 2310.01801, section 3.3.
 *
 * @param ratio r_l
 */
record Local(double ratio) implements Component {
    static final String WORD = "local";

    @Override
    public void keep(HeadSlots slots, BitSet kept) {
        Recent.keepNearest(window(slots.turn().promptTokens()), slots, kept);
    }

    @Override
    public int window(int promptTokens) {
        return (int) Math.floor(ratio * promptTokens);
    }

    @Override
    public String word() {
        return WORD;
    }
}
