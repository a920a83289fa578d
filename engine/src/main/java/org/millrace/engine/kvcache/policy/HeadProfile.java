// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * What attention measured of one KV head over a turn's prompt. F = rint(A * 2^30) is the attention
 * of one query head in one row to one column.
 */
public final class HeadProfile {
    private static final double FIXED_POINT = 0x1p30;

    private final ProfiledTurn turn;
    private final long[] area;
    private final int group;

    /**
     * @param area the head's statistics, laid out as {@code turn} says
     * @param group query heads of the head
     */
    public HeadProfile(ProfiledTurn turn, long[] area, int group) {
        if (area.length != turn.areaLongs()) {
            throw new IllegalArgumentException(
                    "statistics of another turn: longs="
                            + area.length
                            + ", expected="
                            + turn.areaLongs());
        }
        this.turn = turn;
        this.area = area;
        this.group = group;
    }

    int columns() {
        return turn.columns();
    }

    /** Mean attention of the query heads to a column, summed over rows; exact in units of F. */
    double sum(int column) {
        return area[turn.sumIndex(column)] / (group * FIXED_POINT);
    }

    /** Largest attention that any row and query head gave to a column. */
    float peak(int column) {
        return Float.intBitsToFloat((int) area[turn.peakIndex(column)]);
    }

    /**
     * Share of attention that a head recovers if each row sees its nearest columns, {@code kept}
     * and what is frozen, mean over rows:
     *
     * <pre>
     *   mass = (near + frozen + sum of far[j] over j in kept) / (rows * 2^30)
     * </pre>
     *
     * per query head, then pooled. Columns that the window covers in the last row add nothing, so
     * that {@code kept} may hold them or not.
     *
     * @param window in columns, one of {@link ProfiledTurn#windows}
     */
    double mass(BitSet kept, int window, HeadPooling pooling) {
        int w = turn.windows().indexOf(window);
        double rows = turn.firstColumn() + turn.columns() - turn.firstMassRow();
        double[] masses = new double[turn.lanes()];
        for (int lane = 0; lane < masses.length; lane++) {
            long recovered = area[turn.nearIndex(w, lane)] + area[turn.frozenIndex(lane)];
            for (int j = kept.nextSetBit(0); j >= 0; j = kept.nextSetBit(j + 1)) {
                recovered += area[turn.farIndex(w, lane, j)];
            }
            masses[lane] = recovered / (rows * (group / masses.length) * FIXED_POINT);
        }
        return pooling.pool(masses);
    }
}
