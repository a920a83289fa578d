// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.io.Serializable;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.kvcache.policy.RetentionPolicies;

/**
 * Options of the generation operator.
 *
 * @param model GGUF file or Hugging Face directory: a local path, or the URI of a file of any Flink
 *     file system
 * @param modelOptions how the model is run
 * @param retention what caches keep of a turn whose request does not say, in text form
 * @param maxBatchTokens token budget of one step
 * @param maxSequences most sequences in one batch
 * @param maxQueuedRequests soft limit of requests that wait in one subtask's state; above it the
 *     backlog stays in Kafka
 * @param rememberedRequests answered request ids kept per session, so that a repeat is answered
 *     from the record
 * @param sessionTtlMillis a session is forgotten when its next prompt comes this much later by
 *     Kafka timestamps; 0 for never
 * @param idleMillis a session's whole cache is compressed before a prompt that comes this much
 *     later than the one before, by Kafka timestamps; 0 for never
 * @param idleRetention what it is compressed by, in text form
 * @param logAppendTime whether the prompts topic's timestamps are the broker's ({@code
 *     message.timestamp.type=LogAppendTime}): then timers compress and free sessions that get no
 *     further prompt
 * @param allowModelChange whether sessions of other weights may go on with these
 * @param journal file outside of Flink that every prefill, snapshot and restore is appended to;
 *     null for none
 */
public record GenerationOptions(
        String model,
        ModelOptions modelOptions,
        String retention,
        int maxBatchTokens,
        int maxSequences,
        int maxQueuedRequests,
        int rememberedRequests,
        long sessionTtlMillis,
        long idleMillis,
        String idleRetention,
        boolean logAppendTime,
        boolean allowModelChange,
        String journal)
        implements Serializable {

    /** What idle sessions are compressed by, unless told otherwise. */
    public static final String IDLE_RETENTION = "kvzip keep=0.25";

    /** Sessions kept for ever, no journal. */
    public static GenerationOptions defaults(String model, ModelOptions modelOptions) {
        return new GenerationOptions(
                model,
                modelOptions,
                RetentionPolicies.DEFAULT,
                256,
                64,
                1000,
                64,
                0,
                0,
                IDLE_RETENTION,
                false,
                false,
                null);
    }
}
