// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.batch.GenerationParams;
import picocli.CommandLine.Option;

/** How tokens are drawn and when to stop. */
final class SamplingArguments {
    @Option(
            names = "--max-tokens",
            defaultValue = "256",
            description = "Most tokens to generate (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(
            names = "--temperature",
            defaultValue = "0",
            description =
                    "0 takes the most likely token, else 1e-6 to 100 (default: ${DEFAULT-VALUE}).")
    private float temperature;

    @Option(
            names = "--top-k",
            defaultValue = "0",
            description = "Most candidates; 0 for all (default: ${DEFAULT-VALUE}).")
    private int topK;

    @Option(
            names = "--top-p",
            defaultValue = "1",
            description =
                    "Candidates up to this cumulated probability (default: ${DEFAULT-VALUE}).")
    private float topP;

    @Option(
            names = "--min-p",
            defaultValue = "0",
            description =
                    "Candidates down to this share of the best one's probability (default: ${DEFAULT-VALUE}).")
    private float minP;

    @Option(
            names = "--repetition-penalty",
            defaultValue = "1",
            description =
                    "Divides positive logits of tokens seen before, 1e-6 to 100 (default: ${DEFAULT-VALUE}).")
    private float repetitionPenalty;

    @Option(
            names = "--seed",
            defaultValue = "0",
            description = "Same seed, same text (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "Ends the text before TEXT; may be repeated.")
    private List<String> stopStrings = new ArrayList<>();

    @Option(names = "--ignore-eos", description = "Go on past end-of-sequence tokens.")
    private boolean ignoreEos;

    @Option(names = "--logprobs", description = "Report the log probability of each token.")
    private boolean logprobs;

    /**
     * @throws IllegalArgumentException naming the value that is out of range
     */
    GenerationParams params() {
        return new GenerationParams(
                maxTokens,
                temperature,
                topK,
                topP,
                minP,
                repetitionPenalty,
                seed,
                stopStrings,
                ignoreEos,
                logprobs);
    }
}
