// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.time.Duration;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;
import org.millrace.engine.batch.GeneratorOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.RetentionPolicies;

/** Options of generation: {@link MillraceGeneration.Builder#options}. */
public final class GenerationOptions {
    /** What a watermark does that passes a prompt without an answer. */
    public enum Watermarks {
        /** It waits for the answer, but for {@link #ALLOWED_LATENESS}. */
        HOLD,
        /** It goes on; an answer behind it is marked late. */
        PASS
    }

    public static final ConfigOption<String> MODEL =
            ConfigOptions.key("millrace.model")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "GGUF file or Hugging Face directory: a path on every TaskManager, or the URI of a file in any file system that"
                                    + " Flink has, which is copied to a TaskManager's first temporary directory. ./millrace run takes a path or"
                                    + " ORG/NAME, and has a default.");

    public static final ConfigOption<KvType> KV_TYPE =
            ConfigOptions.key("millrace.kv-type")
                    .enumType(KvType.class)
                    .defaultValue(KvType.INT8)
                    .withDescription("Element type of cached keys and values.");

    public static final ConfigOption<ActivationType> ACTIVATIONS =
            ConfigOptions.key("millrace.activations")
                    .enumType(ActivationType.class)
                    .defaultValue(ActivationType.INT8)
                    .withDescription("Type of activations in products with quantised weights.");

    public static final ConfigOption<String> KERNELS =
            ConfigOptions.key("millrace.kernels")
                    .stringType()
                    .defaultValue("auto")
                    .withDescription(
                            "Where kernels run: auto (a GPU if there is one), cuda or cuda:N, cpu (C++; cpu-avx2 or cpu-avx512 for one instruction set) or reference (Java).");

    public static final ConfigOption<Integer> THREADS =
            ConfigOptions.key("millrace.threads")
                    .intType()
                    .defaultValue(0)
                    .withDescription("Compute threads of a TaskManager; 0 for one per processor.");

    public static final ConfigOption<String> RETENTION =
            ConfigOptions.key("millrace.retention")
                    .stringType()
                    .defaultValue(RetentionPolicies.DEFAULT)
                    .withDescription(
                            "What caches keep of a turn whose request does not say: a policy, then option=value, separated by"
                                    + " spaces, such as fastgen keep=0.5.");

    public static final ConfigOption<Duration> IDLE_COMPACTION =
            ConfigOptions.key("millrace.idle-compaction")
                    .durationType()
                    .defaultValue(Duration.ZERO)
                    .withDescription(
                            "A session's whole cache is compressed before a prompt this much later than the one before, by event time; 0 for"
                                    + " never. A watermark that passes this age does it early, so that idle sessions rest in state at a"
                                    + " fraction of their bytes.");

    public static final ConfigOption<String> IDLE_RETENTION =
            ConfigOptions.key("millrace.idle-retention")
                    .stringType()
                    .defaultValue("kvzip keep=0.25")
                    .withDescription("What idle sessions are compressed by.");

    public static final ConfigOption<Integer> MAX_BATCH_TOKENS =
            ConfigOptions.key("millrace.max-batch-tokens")
                    .intType()
                    .defaultValue(256)
                    .withDescription(
                            "Token budget of a step: one per generating session, the rest for prompts.");

    public static final ConfigOption<Integer> MAX_SEQUENCES =
            ConfigOptions.key("millrace.max-sequences")
                    .intType()
                    .defaultValue(64)
                    .withDescription("Most sessions in one batch.");

    public static final ConfigOption<Duration> MAX_STEP_TIME =
            ConfigOptions.key("millrace.max-step-time")
                    .durationType()
                    .defaultValue(Duration.ofMillis(GeneratorOptions.DEFAULT_MAX_STEP_MILLIS))
                    .withDescription(
                            "How long a step that brings tokens should take: chunks of prompts are cut so that it is expected to,"
                                    + " down to an eighth of millrace.max-batch-tokens.");

    public static final ConfigOption<Integer> MAX_QUEUED_REQUESTS =
            ConfigOptions.key("millrace.max-queued-requests")
                    .intType()
                    .defaultValue(1000)
                    .withDescription(
                            "Requests that may wait in the state of one subtask. Above it the operator takes in no further ones, and the"
                                    + " backlog stays in the source.");

    public static final ConfigOption<MemorySize> MAX_QUEUED_BYTES =
            ConfigOptions.key("millrace.max-queued-bytes")
                    .memoryType()
                    .defaultValue(MemorySize.ofMebiBytes(64))
                    .withDescription("The same bound in bytes of waiting prompts, about.");

    public static final ConfigOption<Integer> MAX_SESSION_REQUESTS =
            ConfigOptions.key("millrace.max-queued-requests-per-session")
                    .intType()
                    .defaultValue(256)
                    .withDescription(
                            "Requests of one session that may wait. One more is a dead letter (session_queue_full), so that one busy session"
                                    + " does not stop all others of its subtask.");

    public static final ConfigOption<MemorySize> MAX_SESSION_BYTES =
            ConfigOptions.key("millrace.max-queued-bytes-per-session")
                    .memoryType()
                    .defaultValue(MemorySize.ofMebiBytes(16))
                    .withDescription("The same bound in bytes of waiting prompts, about.");

    public static final ConfigOption<Integer> REMEMBERED_REQUESTS =
            ConfigOptions.key("millrace.remembered-requests")
                    .intType()
                    .defaultValue(64)
                    .withDescription(
                            "Answers kept per session, at most: a repeat of one of these requests is answered from the record.");

    public static final ConfigOption<MemorySize> REMEMBERED_BYTES =
            ConfigOptions.key("millrace.remembered-bytes")
                    .memoryType()
                    .defaultValue(MemorySize.parse("256 kb"))
                    .withDescription(
                            "Bytes of these answers per session, at most: the oldest are forgotten first.");

    public static final ConfigOption<Duration> SESSION_TTL =
            ConfigOptions.key("millrace.session-ttl")
                    .durationType()
                    .defaultValue(Duration.ZERO)
                    .withDescription(
                            "A session is forgotten before a prompt this much later than the one before, by event time, or when the watermark"
                                    + " passes that age; 0 for never.");

    public static final ConfigOption<Watermarks> WATERMARKS =
            ConfigOptions.key("millrace.watermarks")
                    .enumType(Watermarks.class)
                    .defaultValue(Watermarks.HOLD)
                    .withDescription(
                            "What a watermark does that passes a prompt without an answer: hold (it waits) or pass (it goes on, and the answer is"
                                    + " marked late).");

    public static final ConfigOption<Duration> ALLOWED_LATENESS =
            ConfigOptions.key("millrace.allowed-lateness")
                    .durationType()
                    .defaultValue(Duration.ZERO)
                    .withDescription(
                            "By how much a held watermark may pass a prompt without an answer, as the allowed lateness of windows after it.");

    public static final ConfigOption<Boolean> ALLOW_MODEL_CHANGE =
            ConfigOptions.key("millrace.allow-model-change")
                    .booleanType()
                    .defaultValue(false)
                    .withDescription("Whether sessions of other weights may go on with these.");

    private GenerationOptions() {}
}
