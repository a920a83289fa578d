// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;
import java.util.List;

/**
 * What one head keeps of a turn's prompt.
 *
 * @param rung index into {@link RetentionPolicy#rungs}
 * @param masses attention mass that each rung recovers, in [0, 1]; empty where the policy does not
 *     measure it
 * @param slots columns that each rung keeps
 * @param kept columns to keep
 * @param scoreMode how decode steps update the scores of the head's slots
 * @param scores float[columns]: first scores; null without a score mode
 */
public record HeadChoice(
        int rung,
        List<Double> masses,
        List<Integer> slots,
        BitSet kept,
        ScoreMode scoreMode,
        float[] scores) {
    /** Of a policy with one rung that measures no mass and drops nothing while generating. */
    static HeadChoice fixed(BitSet kept) {
        return new HeadChoice(
                0, List.of(), List.of(kept.cardinality()), kept, ScoreMode.NONE, null);
    }
}
