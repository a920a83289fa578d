// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Turns of a vocabulary of 100 tokens: 0 and 1 special, 2 to 9 punctuation, the others letters. */
final class Tokens {
    static final TokenClasses CLASSES =
            TokenClasses.of(
                    100,
                    List.of(0, 1),
                    token ->
                            (token < 2 ? "" : token < 10 ? " ." : "ab")
                                    .getBytes(StandardCharsets.UTF_8));

    private Tokens() {}

    static int[] random(int count, long seed) {
        return new Random(seed).ints(count, 0, 100).toArray();
    }

    /** A turn's first {@code length} tokens. */
    static Turn turn(int start, int promptTokens, int length, int[] tokens) {
        return new Turn(start, promptTokens, Arrays.copyOf(tokens, length), CLASSES);
    }

    static Turn prompt(int promptTokens) {
        return turn(0, promptTokens, promptTokens, random(promptTokens, promptTokens));
    }

    /** Positions of set flags from {@code start} on. */
    static int[] positions(boolean[] held, int start) {
        return IntStream.range(start, held.length).filter(i -> held[i]).toArray();
    }
}
