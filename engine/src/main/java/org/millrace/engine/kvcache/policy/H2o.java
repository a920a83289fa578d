// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

/**
 * H2O, arXiv 2306.14048: heavy hitters by cumulative attention and a local window, the same in
 * every head.
 */
final class H2o {
    static final Preset PRESET =
            Preset.of(
                    "h2o",
                    "local-ratio=0.25 frequent-ratio=0.25 review-interval=1",
                    retention -> LadderPolicy.uniform("frequent+local", retention));

    private H2o() {}
}
