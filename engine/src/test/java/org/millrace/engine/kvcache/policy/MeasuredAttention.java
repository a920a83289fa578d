// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.Arrays;
import java.util.Random;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * Causal attention of one KV head's query heads over random queries and keys, as plain n x n
 * matrices, and the statistics of it by their definition.
 */
final class MeasuredAttention {
    private static final float FIXED_POINT = 0x1p30f;

    private final Random random;
    private final int headDim;
    private final float[][] keys;

    /** float[group][rows][columns]. */
    final float[][][] weights;

    MeasuredAttention(long seed, int group, int headDim, int most, int rows) {
        this.random = new Random(seed);
        this.headDim = headDim;
        this.keys = new float[most][];
        for (int j = 0; j < most; j++) {
            keys[j] = vector();
        }
        weights = new float[group][rows][];
        boolean[] all = new boolean[most];
        Arrays.fill(all, true);
        for (int i = 0; i < rows; i++) {
            float[][] row = row(i, all);
            for (int g = 0; g < group; g++) {
                weights[g][i] = row[g];
            }
        }
    }

    private float[] vector() {
        float[] vector = new float[headDim];
        for (int d = 0; d < headDim; d++) {
            vector[d] = 1.7f * (float) random.nextGaussian();
        }
        return vector;
    }

    int group() {
        return weights.length;
    }

    int rows() {
        return weights[0].length;
    }

    /**
     * Attention of a new row's query heads to the columns up to it that are visible, 0 elsewhere.
     */
    float[][] row(int position, boolean[] visible) {
        float[][] row = new float[weights.length][position + 1];
        for (float[] shares : row) {
            float[] query = vector();
            double sum = 0;
            double[] exponentials = new double[position + 1];
            for (int j = 0; j <= position; j++) {
                exponentials[j] = visible[j] ? Math.exp(dot(query, keys[j])) : 0;
                sum += exponentials[j];
            }
            for (int j = 0; j <= position; j++) {
                shares[j] = (float) (exponentials[j] / sum);
            }
        }
        return row;
    }

    private double dot(float[] query, float[] key) {
        double dot = 0;
        for (int d = 0; d < headDim; d++) {
            dot += (double) query[d] * key[d];
        }
        return dot / Math.sqrt(headDim);
    }

    /** The head's statistics, as kernels are to measure them. */
    HeadProfile profile(ProfiledTurn turn) {
        long[] area = new long[turn.areaLongs()];
        for (int g = 0; g < group(); g++) {
            for (int i = turn.firstColumn(); i < rows(); i++) {
                for (int position = 0; position <= i; position++) {
                    add(turn, area, g, i, position, weights[g][i][position]);
                }
            }
        }
        return new HeadProfile(turn, area, group());
    }

    private static void add(
            ProfiledTurn turn, long[] area, int g, int i, int position, float share) {
        int column = position - turn.firstColumn();
        long fixed = (long) Math.rint(share * FIXED_POINT);
        if (column >= turn.columns()) {
            return;
        }
        if (column >= 0 && turn.hasSum() && i >= turn.firstSumRow()) {
            area[turn.sumIndex(column)] += fixed;
        }
        if (column >= 0
                && turn.hasPeak()
                && i >= turn.firstPeakRow()
                && i - position >= turn.peakDistance()) {
            int at = turn.peakIndex(column);
            area[at] = Math.max(area[at], Float.floatToRawIntBits(share));
        }
        if (turn.hasMasses() && i >= turn.firstMassRow()) {
            int lane = turn.lanes() == 1 ? 0 : g;
            if (column < 0) {
                area[turn.frozenIndex(lane)] += fixed;
                return;
            }
            for (int w = 0; w < turn.windows().size(); w++) {
                boolean near = i - position < turn.windows().get(w);
                area[near ? turn.nearIndex(w, lane) : turn.farIndex(w, lane, column)] += fixed;
            }
        }
    }
}
