// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.util.Arrays;

/** Slots of pages, int[count][2]: page, slot. */
final class SlotList {
    static final int INTS = 2;

    private int[] ints = new int[INTS * KvPageDescriptor.PAGE_SLOTS];
    private int count;

    int count() {
        return count;
    }

    int[] ints() {
        return ints;
    }

    void clear() {
        count = 0;
    }

    /** Adds the slots of a page that a mask has bits for. */
    void add(int page, int mask) {
        if (INTS * (count + Integer.bitCount(mask)) > ints.length) {
            ints = Arrays.copyOf(ints, 2 * ints.length);
        }
        int[] to = ints;
        int at = INTS * count;
        for (int slot = 0, rest = mask; rest != 0; slot++, rest >>>= 1) {
            if ((rest & 1) != 0) {
                to[at] = page;
                to[at + 1] = slot;
                at += INTS;
            }
        }
        count = at / INTS;
    }
}
