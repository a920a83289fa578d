// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.awt.Color;

/** A colour for each rung: from blue, which keeps little, to orange, which keeps everything. */
final class RungColors {
    private static final int LOW = 0x2C5F8A;
    private static final int MIDDLE = 0xB9D3C6;
    private static final int HIGH = 0xE08A3C;

    private RungColors() {}

    static Color of(int rung, int rungs) {
        double share = rungs == 1 ? 0.5 : rung / (rungs - 1.0);
        return share < 0.5 ? mix(LOW, MIDDLE, 2 * share) : mix(MIDDLE, HIGH, 2 * share - 1);
    }

    private static Color mix(int from, int to, double share) {
        int mixed = 0;
        for (int shift = 0; shift <= 16; shift += 8) {
            int low = from >> shift & 0xFF;
            int high = to >> shift & 0xFF;
            mixed |= (int) Math.round(low + share * (high - low)) << shift;
        }
        return new Color(mixed);
    }

    /** Black or white, whichever is easier to read on {@code background}. */
    static Color textOn(Color background) {
        double luminance =
                0.299 * background.getRed()
                        + 0.587 * background.getGreen()
                        + 0.114 * background.getBlue();
        return luminance > 140 ? Color.BLACK : Color.WHITE;
    }
}
