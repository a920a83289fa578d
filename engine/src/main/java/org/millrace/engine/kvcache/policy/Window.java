// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

/** A sliding window and nothing else, in every head; Longformer, arXiv 2004.05150, section 3.1. */
final class Window {
    static final Preset PRESET =
            Preset.of(
                    "window",
                    "local-ratio=0.5 review-interval=1",
                    retention -> LadderPolicy.uniform("local", retention));

    private Window() {}
}
