// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

/**
 * StreamingLLM, arXiv 2309.17453: the first tokens and a sliding window, in every head. The window
 * is a share of the prompt, so that it can be compared with others at equal bytes.
 */
final class Streaming {
    static final Preset PRESET =
            Preset.of(
                    "streaming",
                    "local-ratio=0.5 sinks=4 review-interval=1",
                    retention -> LadderPolicy.uniform("sinks+local", retention));

    private Streaming() {}
}
