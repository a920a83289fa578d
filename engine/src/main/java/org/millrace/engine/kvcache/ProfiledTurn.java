// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.IntBuffer;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What attention measures of one turn. Rows are positions from {@code firstColumn} on; column j is
 * position {@code firstColumn + j}; slots before are frozen. A is the attention of one query head
 * in one row to one slot, F = rint(A * 2^30).
 *
 * <p>An area holds the statistics of one KV head as longs, in this order:
 *
 * <pre>
 *   sum     [columns]                  F over all rows from firstSumRow and the group's query heads
 *   peak    [columns]                  bits of the largest A, for rows from firstPeakRow that lie at
 *                                      least peakDistance after the column
 *   far     [windows][lanes][columns]  F of rows from firstMassRow that lie at least the window's
 *                                      size after the column
 *   near    [windows][lanes]           F of those rows to all columns that are nearer
 *   frozen  [lanes]                    F of those rows to all frozen slots
 * </pre>
 *
 * Sum is absent without {@code firstSumRow}, peak without {@code peakDistance}, the other three
 * where there are no windows. Slots behind the last column count nowhere.
 *
 * @param firstColumn position of the first column
 * @param columns tokens of the turn's prompt
 * @param firstSumRow position, or {@link #NONE}
 * @param peakDistance in positions, or {@link #NO_PEAKS}
 * @param firstPeakRow position
 * @param firstMassRow position, or {@link #NONE}
 * @param lanes 1: the group's query heads are added up; group size: each has a lane of its own
 * @param windows at most 4 window sizes in positions, ascending, the least at least 1
 */
public record ProfiledTurn(
        int firstColumn,
        int columns,
        int firstSumRow,
        int peakDistance,
        int firstPeakRow,
        int firstMassRow,
        int lanes,
        List<Integer> windows) {
    /** No row. */
    public static final int NONE = Integer.MAX_VALUE;

    /** Peak distance of a turn without peaks. */
    public static final int NO_PEAKS = -1;

    /** Ints of a sequence in {@link Profile#sequences}. */
    public static final int INTS = 16;

    public static final int MAX_WINDOWS = 4;

    private static final int WINDOWS = 9;
    private static final int OFFSET = 13;

    public ProfiledTurn {
        windows = List.copyOf(windows);
        if (windows.size() > MAX_WINDOWS) {
            throw new IllegalArgumentException(
                    "too many windows: windows=" + windows + ", maxWindows=" + MAX_WINDOWS);
        }
    }

    public boolean hasSum() {
        return firstSumRow != NONE;
    }

    public boolean hasPeak() {
        return peakDistance >= 0;
    }

    public boolean hasMasses() {
        return !windows.isEmpty();
    }

    /** Where column {@code column} of sum lies in an area. */
    public int sumIndex(int column) {
        return column;
    }

    public int peakIndex(int column) {
        return (hasSum() ? columns : 0) + column;
    }

    public int farIndex(int window, int lane, int column) {
        int first = peakIndex(hasPeak() ? columns : 0);
        return first + (window * lanes + lane) * columns + column;
    }

    public int nearIndex(int window, int lane) {
        return farIndex(windows.size(), 0, 0) + window * lanes + lane;
    }

    public int frozenIndex(int lane) {
        return nearIndex(windows.size(), lane);
    }

    /** Longs of the area of one KV head. */
    public int areaLongs() {
        return hasMasses() ? frozenIndex(lanes) : farIndex(0, 0, 0);
    }

    /**
     * Appends int[16] to {@code target}: 1, first column, columns, first sum row, peak distance,
     * first peak row, first mass row, lanes, number of windows, 4 window sizes, the low and the
     * high half of {@code offset}, longs of an area.
     *
     * @param offset of the sequence's first area in {@link Profile#statistics}, in longs
     */
    public void write(long offset, IntBuffer target) {
        target.put(1).put(firstColumn).put(columns).put(firstSumRow).put(peakDistance);
        target.put(firstPeakRow).put(firstMassRow).put(lanes).put(windows.size());
        for (int i = 0; i < MAX_WINDOWS; i++) {
            target.put(i < windows.size() ? windows.get(i) : 0);
        }
        target.put((int) offset).put((int) (offset >>> Integer.SIZE)).put(areaLongs());
    }

    /** What {@link #write} wrote at {@code from}; null if the sequence is not profiled. */
    public static ProfiledTurn read(IntBuffer source, int from) {
        if (source.get(from) == 0) {
            return null;
        }
        List<Integer> windows =
                IntStream.range(0, source.get(from + 8))
                        .mapToObj(i -> source.get(from + WINDOWS + i))
                        .toList();
        return new ProfiledTurn(
                source.get(from + 1),
                source.get(from + 2),
                source.get(from + 3),
                source.get(from + 4),
                source.get(from + 5),
                source.get(from + 6),
                source.get(from + 7),
                windows);
    }

    /** The offset that {@link #write} wrote at {@code from}, in longs. */
    public static long readOffset(IntBuffer source, int from) {
        return (long) source.get(from + OFFSET + 1) << Integer.SIZE
                | Integer.toUnsignedLong(source.get(from + OFFSET));
    }
}
