// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.util.List;

/**
 * What {@link LatencyBench} saw; times in ascending order.
 *
 * @param aloneMillis first tokens of short prompts that had the engine to themselves
 * @param shortMillis first tokens of short prompts beside long ones
 * @param longMillis first tokens of the long prompts
 * @param gapMillis between tokens of every session, meanwhile
 * @param tokens prompts and answers, those of the session that decoded all the time included
 * @param seconds until all short and long prompts were answered
 */
record Latencies(
        List<Long> aloneMillis,
        List<Long> shortMillis,
        List<Long> longMillis,
        List<Long> gapMillis,
        long tokens,
        double seconds) {
    double tokensPerSecond() {
        return tokens / seconds;
    }
}
