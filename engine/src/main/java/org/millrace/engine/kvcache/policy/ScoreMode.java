// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import org.millrace.engine.kvcache.CacheView;

/** How decode steps update the scores of a head's slots, see {@link CacheView#heads}. */
public enum ScoreMode {
    NONE(CacheView.SCORE_NONE),
    SUM(CacheView.SCORE_SUM),
    PEAK(CacheView.SCORE_PEAK);

    private final int code;

    ScoreMode(int code) {
        this.code = code;
    }

    /** As kernels read it. */
    public int code() {
        return code;
    }
}
