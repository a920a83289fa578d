// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

/** Keeps everything: the uncompressed cache. */
final class Full {
    static final String NAME = "full";

    static final Preset PRESET =
            Preset.of(NAME, "", retention -> LadderPolicy.uniform(Everything.WORD, retention));

    private Full() {}
}
