package org.millrace.engine.batch;

import java.util.Arrays;
import org.millrace.engine.kernels.FloatMath;

/**
 * The candidates of one draw in order: scaled logit descending, id ascending. Weights are fixed
 * point, exp(t - largest) * 2^30 rounded half to even, so that sums are exact in any order. Sorted
 * bucket by bucket, only as far as the draw looks.
 */
final class Candidates {
    /** Weights in units of 2^-30. */
    static final double UNIT = 0x1p30;

    /** Below this distance from the largest scaled logit the weight is 0. */
    private static final float REACH = 22f;

    private static final int BUCKETS_PER_UNIT = 16;
    private static final int BUCKETS = (int) (REACH * BUCKETS_PER_UNIT) + 1;

    private final float[] scaled;
    private final float largest;

    /** Ids grouped by bucket, best bucket first. */
    private final int[] ids;

    private final int[] bucketEnds = new int[BUCKETS];
    private int sortedBuckets;
    private int sortedEnd;

    /**
     * @param scaled float[vocabulary], logits divided by the temperature; kept, not copied
     */
    Candidates(float[] scaled) {
        this.scaled = scaled;
        float max = scaled[0];
        for (float t : scaled) {
            max = Math.max(max, t);
        }
        largest = max;
        int[] counts = new int[BUCKETS];
        for (float t : scaled) {
            if (max - t < REACH) {
                counts[bucket(t)]++;
            }
        }
        int total = 0;
        int[] next = new int[BUCKETS];
        for (int b = 0; b < BUCKETS; b++) {
            next[b] = total;
            total += counts[b];
            bucketEnds[b] = total;
        }
        ids = new int[total];
        for (int id = 0; id < scaled.length; id++) {
            if (max - scaled[id] < REACH) {
                ids[next[bucket(scaled[id])]++] = id;
            }
        }
    }

    private int bucket(float t) {
        return (int) ((largest - t) * BUCKETS_PER_UNIT);
    }

    int count() {
        return ids.length;
    }

    /** Id of the candidate of rank {@code rank}. */
    int id(int rank) {
        while (rank >= sortedEnd) {
            sortNextBucket();
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
        for (int id : ids) {
            total += weightOf(scaled[id]);
        }
        return total;
    }

    float largest() {
        return largest;
    }

    private long weightOf(float t) {
        return (long) Math.rint(FloatMath.exp(t - largest) * UNIT);
    }

    private void sortNextBucket() {
        int from = sortedEnd;
        sortedEnd = bucketEnds[sortedBuckets++];
        long[] keys = new long[sortedEnd - from];
        for (int i = 0; i < keys.length; i++) {
            int id = ids[from + i];
            keys[i] = (long) ~orderedBits(scaled[id]) << 32 | id;
        }
        Arrays.sort(keys);
        for (int i = 0; i < keys.length; i++) {
            ids[from + i] = (int) keys[i];
        }
    }

    /** An int that orders as the float does; both zeros are the same. */
    private static int orderedBits(float t) {
        int bits = Float.floatToRawIntBits(t + 0f);
        return bits < 0 ? bits ^ Integer.MAX_VALUE : bits;
    }
}
