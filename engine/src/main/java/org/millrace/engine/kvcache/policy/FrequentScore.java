// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

/** What makes a slot a heavy hitter. */
enum FrequentScore {
    /** Cumulative attention, as FastGen and H2O count it; favours early tokens. */
    SUM(ScoreMode.SUM),
    /** Cumulative attention, divided by the number of rows that could see the slot. */
    MEAN(ScoreMode.SUM),
    /** Largest attention of any query head in any row that is not too near. */
    PEAK(ScoreMode.PEAK);

    private final ScoreMode mode;

    FrequentScore(ScoreMode mode) {
        this.mode = mode;
    }

    ScoreMode mode() {
        return mode;
    }

    /** The columns of a prompt, with the scores that heavy hitters are ranked by. */
    HeadSlots rankPrompt(Turn turn, HeadProfile profile) {
        double[] scores = new double[profile.columns()];
        for (int j = 0; j < scores.length; j++) {
            scores[j] = mode == ScoreMode.PEAK ? profile.peak(j) : profile.sum(j);
        }
        return rank(HeadSlots.ofPrompt(turn, scores));
    }

    /** Slots with the scores that heavy hitters are ranked by. */
    HeadSlots rank(HeadSlots slots) {
        return this == MEAN ? slots.perRow() : slots;
    }

    /** What decode steps go on from. */
    float[] firstScores(HeadProfile profile) {
        float[] scores = new float[profile.columns()];
        for (int j = 0; j < scores.length; j++) {
            scores[j] = mode == ScoreMode.PEAK ? profile.peak(j) : (float) profile.sum(j);
        }
        return scores;
    }
}
