// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

/**
 * FastGen's rule, arXiv 2310.01801, over a finer ladder: each head takes the least budget that
 * recovers T in the last quarter of the prompt, filled with the columns of largest peak attention;
 * sinks and the nearest tokens belong to every budget. For comparison with {@link FastGen}, which
 * ranks the slots of all heads together.
 */
final class HeadLadder {
    static final Preset PRESET =
            Preset.of(
                    "ladder",
                    "recovery=0.95 local-ratio=0.3 frequent-ratio=0.3 score=peak pooling=mean"
                            + " rows=last:1/4 ladder=sinks+recent+1..14/16,full peak-distance=16"
                            + " sinks=4 recent=32 min-prompt=128 review-interval=32",
                    LadderPolicy::adaptive);

    private HeadLadder() {}
}
