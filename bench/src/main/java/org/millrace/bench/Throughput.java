// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

/**
 * One run of a {@link TextWorkload}.
 *
 * @param promptTokens of all sessions together
 * @param generatedTokens of all sessions together
 * @param lastTokenSeconds from the first request to the last token
 * @param seconds from the first request to the last answer, which the job makes visible with a
 *     checkpoint
 * @param checkpoints completed in that time
 */
record Throughput(
        long promptTokens,
        long generatedTokens,
        double lastTokenSeconds,
        double seconds,
        int checkpoints) {
    double tokensPerSecond() {
        return generatedTokens / seconds;
    }
}
