// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.Arrays;
import org.millrace.engine.kernels.FloatMath;

/**
 * The candidates of one draw in order: scaled logit descending, id ascending. Weights are fixed
 * point, exp(t - largest) * 2^30 rounded half to even, so that sums are exact in any order. Found
 * and sorted section by section, each a range of distances from the largest and twice as wide as
 * the one before, only as far as the draw looks.
 */
final class Candidates {
    /** Weights in units of 2^-30. */
    static final double UNIT = 0x1p30;

    /** Below this distance from the largest scaled logit the weight is 0. */
    private static final float REACH = 22f;

    private static final float FIRST_SECTION = 2f;

    private final float[] scaled;
    private final float largest;
    private final int count;

    /** Ids in order, those of the sections so far. */
    private int[] ids = new int[0];

    private float nextSection;
    private float sectionWidth = FIRST_SECTION;

    /**
     * @param scaled float[vocabulary], logits divided by the temperature; kept, not copied
     */
    Candidates(float[] scaled) {
        this.scaled = scaled;
        float max = scaled[0];
        for (float t : scaled) {
            // Not Math.max, which is many times slower; there are no NaNs.
            if (t > max) {
                max = t;
            }
        }
        largest = max;
        int within = 0;
        for (float t : scaled) {
            within += max - t < REACH ? 1 : 0;
        }
        count = within;
    }

    int count() {
        return count;
    }

    /** Id of the candidate of rank {@code rank}. */
    int id(int rank) {
        while (rank >= ids.length) {
            addSection();
        }
        return ids[rank];
    }

    /** Its weight. */
    long weight(int rank) {
        return weightOf(scaled[id(rank)]);
    }

    /** Sum of all weights. */
    long totalWeight() {
        long total = 0;
        for (float t : scaled) {
            if (largest - t < REACH) {
                total += weightOf(t);
            }
        }
        return total;
    }

    float largest() {
        return largest;
    }

    private long weightOf(float t) {
        return (long) Math.rint(FloatMath.exp(t - largest) * UNIT);
    }

    private void addSection() {
        if (nextSection >= REACH) {
            throw new IllegalStateException(
                    "no such candidate: candidates="
                            + ids.length
                            + ", largestScaledLogit="
                            + largest);
        }
        float from = nextSection;
        float to = Math.min(from + sectionWidth, REACH);
        long[] keys = new long[64];
        int found = 0;
        for (int id = 0; id < scaled.length; id++) {
            float distance = largest - scaled[id];
            if (distance < to && distance >= from) {
                if (found == keys.length) {
                    keys = Arrays.copyOf(keys, 2 * found);
                }
                keys[found++] = (long) ~orderedBits(scaled[id]) << 32 | id;
            }
        }
        Arrays.sort(keys, 0, found);
        int sorted = ids.length;
        ids = Arrays.copyOf(ids, sorted + found);
        for (int i = 0; i < found; i++) {
            ids[sorted + i] = (int) keys[i];
        }
        nextSection = to;
        sectionWidth *= 2;
    }

    /** An int that orders as the float does; both zeros are the same. */
    private static int orderedBits(float t) {
        int bits = Float.floatToRawIntBits(t + 0f);
        return bits < 0 ? bits ^ Integer.MAX_VALUE : bits;
    }
}
