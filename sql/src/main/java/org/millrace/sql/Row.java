// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.concurrent.CompletableFuture;
import org.millrace.engine.batch.GenerationParams;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * A row on its way through an engine.
 *
 * @param prompt tokens
 * @param owner whose row it is
 * @param answer completed on the engine's thread
 */
record Row(
        int[] prompt,
        GenerationParams params,
        Retention retention,
        SharedEngine.Lease owner,
        CompletableFuture<Answer> answer) {

    /** Most positions that its cache may have to hold. */
    int positionsNeeded(int contextLength) {
        return Sequence.positionsNeeded(
                Transcript.EMPTY, prompt.length, params.maxTokens(), retention, contextLength);
    }
}
