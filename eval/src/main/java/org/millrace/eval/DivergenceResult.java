// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.Arrays;
import java.util.List;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * How long a policy says the same as the full cache, token by token, greedily.
 *
 * @param context tokens of the prompts
 * @param identical tokens that are the same from the first on, of each generation
 * @param length tokens of each generation
 */
public record DivergenceResult(
        Retention retention, int context, List<Integer> identical, int length) {
    /** Tokens after which identical generations are counted. */
    public static final List<Integer> MARKS = List.of(32, 64, 128);

    /** Index of the first token that differs in half of the generations; {@code length} if none. */
    public int median() {
        int[] sorted = identical.stream().mapToInt(Integer::intValue).sorted().toArray();
        return sorted[(sorted.length - 1) / 2];
    }

    /** Share of generations whose first {@code tokens} tokens are the same. */
    public double share(int tokens) {
        return identical.stream().filter(count -> count >= tokens).count()
                / (double) identical.size();
    }

    /** Tokens that two generations begin with alike. */
    static int identical(int[] first, int[] second) {
        int mismatch = Arrays.mismatch(first, second);
        return mismatch < 0 ? first.length : mismatch;
    }
}
