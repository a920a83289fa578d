// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

import java.nio.ByteBuffer;
import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.ProfiledTurn;

/** Adds the attention of one row and KV head to its turn's statistics. */
final class ReferenceProfile {
    private static final float FIXED_POINT = 0x1p30f;

    private final ProfiledTurn turn;
    private final ByteBuffer statistics;

    /** The area of the head, in longs. */
    private final long area;

    private ReferenceProfile(ProfiledTurn turn, ByteBuffer statistics, long area) {
        this.turn = turn;
        this.statistics = statistics;
        this.area = area;
    }

    /** Null where the sequence is not profiled. */
    static ReferenceProfile of(CacheView view, int layer, int sequence, int kvHead) {
        if (view.profile() == null) {
            return null;
        }
        HostBuffer sequences = HostBuffer.of(view.profile().sequences());
        int from = ProfiledTurn.INTS * sequence;
        ProfiledTurn turn = ProfiledTurn.read(sequences.ints(), from);
        if (turn == null) {
            return null;
        }
        long head = (long) layer * view.numKvHeads() + kvHead;
        return new ReferenceProfile(
                turn,
                HostBuffer.of(view.profile().statistics()).raw(),
                ProfiledTurn.readOffset(sequences.ints(), from) + head * turn.areaLongs());
    }

    /**
     * @param position of the row
     * @param shares float[group size][visible.count()]
     */
    void add(int position, ReferenceSlots visible, float[][] shares) {
        if (position < turn.firstColumn()) {
            return;
        }
        for (int i = 0; i < visible.count(); i++) {
            int column = visible.positions()[i] - turn.firstColumn();
            if (column >= turn.columns()) {
                continue;
            }
            int distance = position - visible.positions()[i];
            for (int head = 0; head < shares.length; head++) {
                float share = shares[head][i];
                long fixed = (long) Math.rint(share * FIXED_POINT);
                if (column >= 0 && turn.hasSum() && position >= turn.firstSumRow()) {
                    add(turn.sumIndex(column), fixed);
                }
                if (column >= 0
                        && turn.hasPeak()
                        && position >= turn.firstPeakRow()
                        && distance >= turn.peakDistance()) {
                    raise(turn.peakIndex(column), Float.floatToRawIntBits(share));
                }
                if (turn.hasMasses() && position >= turn.firstMassRow()) {
                    addMass(turn.lanes() == 1 ? 0 : head, column, distance, fixed);
                }
            }
        }
    }

    private void addMass(int lane, int column, int distance, long fixed) {
        if (column < 0) {
            add(turn.frozenIndex(lane), fixed);
            return;
        }
        for (int w = 0; w < turn.windows().size(); w++) {
            boolean isNear = distance < turn.windows().get(w);
            add(isNear ? turn.nearIndex(w, lane) : turn.farIndex(w, lane, column), fixed);
        }
    }

    private void add(int index, long value) {
        int at = offset(index);
        statistics.putLong(at, statistics.getLong(at) + value);
    }

    private void raise(int index, long value) {
        int at = offset(index);
        statistics.putLong(at, Math.max(statistics.getLong(at), value));
    }

    private int offset(int index) {
        return Math.toIntExact(Long.BYTES * (area + index));
    }
}
