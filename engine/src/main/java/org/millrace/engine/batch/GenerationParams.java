// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.List;

/**
 * What a request asks of the sampler.
 *
 * @param maxTokens most tokens to generate, at least 1
 * @param temperature 0 for greedy decoding, else in [1e-6, 100]
 * @param topK most candidates; 0 for all
 * @param topP nucleus probability in (0, 1]
 * @param minP least probability relative to the best candidate, in [0, 1)
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens seen in the
 *     session, in [1e-6, 100]; 1 for none
 * @param seed key of the counter-based generator
 * @param stopStrings texts that end the generation; not part of the result
 * @param ignoreEos whether to go on past end-of-sequence tokens
 * @param logprobs whether to report the log probability of each token
 */
public record GenerationParams(
        int maxTokens,
        float temperature,
        int topK,
        float topP,
        float minP,
        float repetitionPenalty,
        long seed,
        List<String> stopStrings,
        boolean ignoreEos,
        boolean logprobs) {

    /** Dividing a logit by less could give infinity. */
    private static final float LEAST_DIVISOR = 1e-6f;

    /** Greedy decoding of at most {@code maxTokens} tokens. */
    public static GenerationParams greedy(int maxTokens) {
        return new GenerationParams(maxTokens, 0f, 0, 1f, 0f, 1f, 0, List.of(), false, false);
    }

    /**
     * @throws IllegalArgumentException naming the parameter, its value and its limit
     */
    public GenerationParams {
        require(maxTokens >= 1, "maxTokens", maxTokens, ">= 1");
        require(
                temperature == 0 || isDivisor(temperature),
                "temperature",
                temperature,
                "0 or in [1e-6, 100]");
        require(topK >= 0, "topK", topK, ">= 0");
        require(topP > 0 && topP <= 1, "topP", topP, "in (0, 1]");
        require(minP >= 0 && minP < 1, "minP", minP, "in [0, 1)");
        require(
                isDivisor(repetitionPenalty),
                "repetitionPenalty",
                repetitionPenalty,
                "in [1e-6, 100]");
        require(stopStrings.size() <= 16, "stopStrings", stopStrings.size(), "at most 16");
        for (String stop : stopStrings) {
            require(
                    !stop.isEmpty() && stop.length() <= 256,
                    "stopStrings",
                    stop.length(),
                    "1 to 256 characters each");
        }
        stopStrings = List.copyOf(stopStrings);
    }

    /** Whether the next token is the largest logit and nothing else of the logits is asked for. */
    boolean isPlainGreedy() {
        return temperature == 0f && repetitionPenalty == 1f && !logprobs;
    }

    private static boolean isDivisor(float value) {
        return value >= LEAST_DIVISOR && value <= 100;
    }

    private static void require(boolean ok, String name, Object value, String limit) {
        if (!ok) {
            throw new IllegalArgumentException(
                    "bad " + name + ": " + name + "=" + value + ", must be " + limit);
        }
    }
}
