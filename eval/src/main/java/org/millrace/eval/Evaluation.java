// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.List;

/**
 * All that was measured; lists of what was not asked for are empty.
 *
 * @param predictions of the policies
 * @param ablation of the paper's ladder and its variations
 * @param recall of facts in a context
 * @param turns recall of facts that were told some turns ago
 */
public record Evaluation(
        Setting setting,
        List<QualityResult> predictions,
        List<QualityResult> ablation,
        List<RecallResult> recall,
        List<RecallResult> turns,
        List<DivergenceResult> divergence) {
    /**
     * How it was measured.
     *
     * @param command the command line
     * @param version of the program, and the commit where it is known
     * @param machine processor, and what kernels ran on it
     * @param model file or directory, without its path
     * @param fingerprint of the model
     * @param kvType of compressed caches
     * @param referenceKvType of the full cache that they are compared with
     * @param texts names
     * @param continuation tokens that are predicted behind a context
     * @param seconds that it took
     */
    public record Setting(
            String command,
            String version,
            String machine,
            String model,
            String fingerprint,
            String kvType,
            String referenceKvType,
            String activations,
            List<String> texts,
            int continuation,
            double seconds) {
        /** What policies are compared with, in words. */
        String reference() {
            return "full " + referenceKvType + " cache";
        }
    }
}
