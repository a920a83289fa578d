// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Integers collected in memory that is used again: what a barrier encodes leaves no garbage. */
final class IntList {
    private int[] ints = new int[256];
    private int count;

    int count() {
        return count;
    }

    int get(int index) {
        return ints[index];
    }

    void set(int index, int value) {
        ints[index] = value;
    }

    void add(int value) {
        if (count == ints.length) {
            ints = Arrays.copyOf(ints, 2 * count);
        }
        ints[count++] = value;
    }

    void clear() {
        count = 0;
    }

    /** Appends all to {@code out}, as one copy. */
    void writeTo(ByteBuffer out) {
        out.asIntBuffer().put(ints, 0, count);
        out.position(out.position() + Integer.BYTES * count);
    }
}
