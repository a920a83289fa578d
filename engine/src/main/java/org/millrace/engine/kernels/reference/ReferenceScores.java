// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

import org.millrace.engine.kvcache.CacheView;
import org.millrace.engine.kvcache.KvPageDescriptor;

/** Brings the scores of the slots that a decode row saw up to date. */
final class ReferenceScores {
    private ReferenceScores() {}

    /**
     * @param shares float[group size][visible.count()]
     */
    static void update(CacheView view, int mode, ReferenceSlots visible, float[][] shares) {
        HostBuffer scores = HostBuffer.of(view.scores());
        for (int i = 0; i < visible.count(); i++) {
            int at = visible.pages()[i] * KvPageDescriptor.PAGE_SLOTS + visible.slots()[i];
            float score = scores.getFloat(at);
            scores.putFloat(
                    at,
                    mode == CacheView.SCORE_SUM
                            ? score + mean(shares, i)
                            : Math.max(score, largest(shares, i)));
        }
    }

    private static float mean(float[][] shares, int i) {
        float sum = 0f;
        for (float[] ofHead : shares) {
            sum += ofHead[i];
        }
        return sum / (float) shares.length;
    }

    private static float largest(float[][] shares, int i) {
        float largest = 0f;
        for (float[] ofHead : shares) {
            largest = Math.max(largest, ofHead[i]);
        }
        return largest;
    }
}
