// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;

/** One reason to keep a slot; a rung is a union of some. The same in the prompt and afterwards. */
interface Component {
    /**
     * Adds to {@code kept} the columns that it wants. Only {@link Budget} looks at what is there.
     */
    void keep(HeadSlots slots, BitSet kept);

    /** How many of a row's nearest columns it keeps in every row of a prompt; 0 for none. */
    default int window(int promptTokens) {
        return 0;
    }

    /** Whether it ranks slots by their scores. */
    default boolean isRanking() {
        return false;
    }

    /** Its word in the text form of a ladder. */
    String word();
}
