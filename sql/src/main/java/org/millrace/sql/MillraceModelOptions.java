// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;
import org.millrace.engine.kvcache.KvType;

/** What {@code CREATE MODEL} takes in {@code WITH} besides {@code 'provider' = 'millrace'}. */
public final class MillraceModelOptions {
    public static final ConfigOption<String> MODEL =
            ConfigOptions.key("model")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "GGUF file or Hugging Face directory: a path on every TaskManager, or"
                                    + " the URI of a file in any file system that Flink has.");

    public static final ConfigOption<Integer> MAX_TOKENS =
            ConfigOptions.key("max-tokens")
                    .intType()
                    .defaultValue(256)
                    .withDescription("Most tokens of an answer.");

    public static final ConfigOption<Float> TEMPERATURE =
            ConfigOptions.key("temperature")
                    .floatType()
                    .defaultValue(0f)
                    .withDescription(
                            "0 for the likeliest token, or 1e-6 to 100; the higher, the more"
                                    + " random.");

    public static final ConfigOption<Integer> TOP_K =
            ConfigOptions.key("top-k")
                    .intType()
                    .defaultValue(0)
                    .withDescription("How many of the likeliest tokens to draw from; 0 for all.");

    public static final ConfigOption<Float> TOP_P =
            ConfigOptions.key("top-p")
                    .floatType()
                    .defaultValue(1f)
                    .withDescription(
                            "Draw from the likeliest tokens that together have this probability,"
                                    + " above 0, at most 1.");

    public static final ConfigOption<Float> MIN_P =
            ConfigOptions.key("min-p")
                    .floatType()
                    .defaultValue(0f)
                    .withDescription(
                            "Draw from tokens that have at least this share of the best one's"
                                    + " probability, at least 0, below 1.");

    public static final ConfigOption<Float> REPETITION_PENALTY =
            ConfigOptions.key("repetition-penalty")
                    .floatType()
                    .defaultValue(1f)
                    .withDescription(
                            "Above 1 tokens of the prompt and the answer become less likely to come"
                                    + " again; 1e-6 to 100.");

    public static final ConfigOption<Long> SEED =
            ConfigOptions.key("seed")
                    .longType()
                    .defaultValue(0L)
                    .withDescription(
                            "Key of the random numbers. The same prompt with the same seed has the"
                                    + " same answer.");

    public static final ConfigOption<List<String>> STOP =
            ConfigOptions.key("stop")
                    .stringType()
                    .asList()
                    .defaultValues()
                    .withDescription(
                            "Texts that end an answer and are not part of it, separated by"
                                    + " semicolons, in quotes if they have one or begin or end with a"
                                    + " space or line break; at most 16, of 1 to 256 characters.");

    public static final ConfigOption<String> SYSTEM_PROMPT =
            ConfigOptions.key("system-prompt")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "System message of rows whose input column system_prompt is null, or of"
                                    + " all if there is no such column.");

    public static final ConfigOption<Boolean> CHAT =
            ConfigOptions.key("chat")
                    .booleanType()
                    .defaultValue(true)
                    .withDescription(
                            "Whether the prompt is a message for the model's chat template, or text"
                                    + " that the answer goes on with.");

    public static final ConfigOption<String> RETENTION =
            ConfigOptions.key("retention")
                    .stringType()
                    .defaultValue("full")
                    .withDescription(
                            "What a row's KV cache keeps of the prompt: a policy, then"
                                    + " option=value, separated by spaces.");

    public static final ConfigOption<KvType> KV_TYPE =
            ConfigOptions.key("kv-type")
                    .enumType(KvType.class)
                    .defaultValue(KvType.INT8)
                    .withDescription("Element type of cached keys and values: f32, f16 or int8.");

    public static final ConfigOption<String> KERNELS =
            ConfigOptions.key("kernels")
                    .stringType()
                    .defaultValue("auto")
                    .withDescription(
                            "Where kernels run: auto (a GPU if there is one), cuda or cuda:N, cpu"
                                    + " (C++; cpu-avx2 or cpu-avx512 for one instruction set) or"
                                    + " reference (Java).");

    public static final ConfigOption<Integer> THREADS =
            ConfigOptions.key("threads")
                    .intType()
                    .defaultValue(0)
                    .withDescription("Compute threads of a TaskManager; 0 for one per processor.");

    public static final ConfigOption<Integer> MAX_SEQUENCES =
            ConfigOptions.key("max-sequences")
                    .intType()
                    .defaultValue(64)
                    .withDescription("Most rows in one batch.");

    public static final ConfigOption<Integer> MAX_BATCH_TOKENS =
            ConfigOptions.key("max-batch-tokens")
                    .intType()
                    .defaultValue(256)
                    .withDescription(
                            "Token budget of a step: one per generating row, the rest for prompts."
                                    + " At least max-sequences.");

    public static final ConfigOption<MemorySize> POOL_MEMORY =
            ConfigOptions.key("pool-memory")
                    .memoryType()
                    .defaultValue(MemorySize.ofMebiBytes(512))
                    .withDescription(
                            "Memory for the KV caches of the rows in the batch, once per"
                                    + " TaskManager. It is native memory outside of Flink's managed"
                                    + " memory, which functions have no access to: leave room for it,"
                                    + " for example by taskmanager.memory.task.off-heap.size.");

    private MillraceModelOptions() {}
}
