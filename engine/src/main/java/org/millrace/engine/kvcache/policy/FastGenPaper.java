// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

/**
 * FastGen as in the text of arXiv 2310.01801, with its r_l and r_f; what the text leaves open is
 * set as {@code docs/fastgen.md} says. For comparison, not for use: heads without a local window
 * forget the words that they have just written.
 */
final class FastGenPaper {
    static final Preset PRESET =
            Preset.of(
                    "fastgen-paper",
                    "recovery=0.95 local-ratio=0.3 frequent-ratio=0.3 score=sum pooling=mean rows=all"
                            + " ladder=special,special+punctuation,special+punctuation+frequent,"
                            + "special+punctuation+frequent+local,full"
                            + " peak-distance=0 sinks=4 recent=32 min-prompt=0 review-interval=1",
                    LadderPolicy::adaptive);

    private FastGenPaper() {}
}
