// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

/** Single components of FastGen, arXiv 2310.01801, in every head: for ablations. */
final class SingleRung {
    static final Preset SPECIAL = preset(Special.WORD, "review-interval=1");
    static final Preset PUNCTUATION = preset(Punctuation.WORD, "review-interval=1");
    static final Preset FREQUENT = preset(Frequent.WORD, "frequent-ratio=0.3 review-interval=1");

    private SingleRung() {}

    private static Preset preset(String word, String options) {
        return Preset.of(word, options, retention -> LadderPolicy.uniform(word, retention));
    }
}
