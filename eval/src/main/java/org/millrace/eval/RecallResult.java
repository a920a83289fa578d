// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.SortedMap;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * How much a policy still knows of what was told, among all that the full cache knows.
 *
 * @param context tokens that the facts were told in
 * @param byPlace by how deep in the context the fact was, in percent, or how many turns ago it was
 *     told
 */
public record RecallResult(Retention retention, int context, SortedMap<Integer, Score> byPlace) {
    /**
     * Questions.
     *
     * @param right answered rightly
     * @param items that the full cache answers rightly
     * @param asked of all
     */
    public record Score(int right, int items, int asked) {
        static final Score NONE = new Score(0, 0, 0);

        Score plus(Score other) {
            return new Score(right + other.right, items + other.items, asked + other.asked);
        }

        /** Share of the items that are answered rightly; NaN if there are none. */
        public double share() {
            return right / (double) items;
        }
    }

    /** Over all places. */
    public Score total() {
        return byPlace.values().stream().reduce(Score.NONE, Score::plus);
    }
}
