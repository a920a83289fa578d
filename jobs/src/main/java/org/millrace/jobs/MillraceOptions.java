// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.operators.GenerationOptions;

/**
 * Options of a generation job. Like any Flink option they are set by {@code -Dkey=value} or in the
 * configuration file.
 */
public final class MillraceOptions {
    /** How completions and dead letters are written. */
    public enum Delivery {
        /** In transactions that commit with the checkpoint. */
        EXACTLY_ONCE,
        /** At once, and again after a failure. */
        AT_LEAST_ONCE;

        /** As Flink's configuration spells it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** Where a job without a checkpoint begins to read prompts. */
    public enum StartOffsets {
        EARLIEST,
        LATEST,
        /** What the consumer group committed; the earliest where it has not. */
        COMMITTED
    }

    public static final ConfigOption<String> MODEL =
            ConfigOptions.key("millrace.model")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "GGUF file or Hugging Face directory: a path on every TaskManager, or the URI of a file in"
                                    + " any file system that Flink has, which is copied to a TaskManager's first temporary"
                                    + " directory. ./millrace run takes a path or ORG/NAME, and has a default.");

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
                            "A session's whole cache is compressed before a prompt this much later than the one before, by Kafka"
                                    + " timestamps; 0 for never. Where the topic has message.timestamp.type=LogAppendTime a timer"
                                    + " does it early, so that idle sessions rest in state at a fraction of their bytes.");

    public static final ConfigOption<String> IDLE_RETENTION =
            ConfigOptions.key("millrace.idle-retention")
                    .stringType()
                    .defaultValue(GenerationOptions.IDLE_RETENTION)
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

    public static final ConfigOption<Integer> MAX_QUEUED_REQUESTS =
            ConfigOptions.key("millrace.max-queued-requests")
                    .intType()
                    .defaultValue(1000)
                    .withDescription(
                            "Soft limit of requests that wait in the state of one subtask; above it the backlog stays in"
                                    + " Kafka.");

    public static final ConfigOption<Integer> REMEMBERED_REQUESTS =
            ConfigOptions.key("millrace.remembered-requests")
                    .intType()
                    .defaultValue(64)
                    .withDescription(
                            "Answered requests kept per session: a repeat of one of them is answered from the record.");

    public static final ConfigOption<Duration> SESSION_TTL =
            ConfigOptions.key("millrace.session-ttl")
                    .durationType()
                    .defaultValue(Duration.ZERO)
                    .withDescription(
                            "A session is forgotten before a prompt this much later than the one before, by Kafka timestamps; 0 for"
                                    + " never. Sessions without another prompt are freed by a timer where the topic has"
                                    + " message.timestamp.type=LogAppendTime.");

    public static final ConfigOption<Map<String, String>> TENANT_BUDGETS =
            ConfigOptions.key("millrace.tenant-budgets")
                    .mapType()
                    .defaultValue(Map.of())
                    .withDescription(
                            "Tokens that a tenant's requests may ask for in a period, such as alice:100000,bob:5000. A request takes"
                                    + " its maxTokens when it is read; one that finds no room is a dead letter. Tenants that are not"
                                    + " named have no limit.");

    public static final ConfigOption<Duration> TENANT_BUDGET_PERIOD =
            ConfigOptions.key("millrace.tenant-budget-period")
                    .durationType()
                    .defaultValue(Duration.ofDays(1))
                    .withDescription("How long a budget lasts, by Kafka timestamps.");

    public static final ConfigOption<Boolean> ALLOW_MODEL_CHANGE =
            ConfigOptions.key("millrace.allow-model-change")
                    .booleanType()
                    .defaultValue(false)
                    .withDescription("Whether sessions of other weights may go on with these.");

    public static final ConfigOption<String> JOURNAL =
            ConfigOptions.key("millrace.journal")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "File outside of Flink that every prefill, snapshot and restore is appended to.");

    public static final ConfigOption<String> BOOTSTRAP_SERVERS =
            ConfigOptions.key("millrace.kafka.bootstrap-servers")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Brokers to begin with, host:port, separated by commas.");

    public static final ConfigOption<String> KAFKA_PROPERTIES =
            ConfigOptions.key("millrace.kafka.properties-file")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "Properties file for Kafka's consumers, producers and admin client, SASL and SSL among them."
                                    + " Read where the job is submitted.");

    public static final ConfigOption<String> SCHEMA_REGISTRY_URL =
            ConfigOptions.key("millrace.schema-registry.url")
                    .stringType()
                    .noDefaultValue()
                    .withDescription(
                            "Address of a Schema Registry, http://host:port. With it records on all topics have Confluent's wire"
                                    + " format, without it Avro's single-object encoding. User and password are taken from"
                                    + " basic.auth.user.info in Kafka's properties file.");

    public static final ConfigOption<String> PROMPTS_TOPIC =
            topic("prompts", "Topic that is read.");

    public static final ConfigOption<String> TOKENS_TOPIC =
            topic("tokens", "Topic of tokens as they are generated, at least once.");

    public static final ConfigOption<String> COMPLETIONS_TOPIC =
            topic("completions", "Topic of answers.");

    public static final ConfigOption<String> DEAD_LETTERS_TOPIC =
            topic("dead-letters", "Topic of what cannot be answered, with the reason.");

    public static final ConfigOption<Integer> PARTITIONS =
            ConfigOptions.key("millrace.topics.partitions")
                    .intType()
                    .defaultValue(4)
                    .withDescription(
                            "Partitions of topics that do not exist yet. Existing ones stay as they are.");

    public static final ConfigOption<String> GROUP_ID =
            ConfigOptions.key("millrace.kafka.group-id")
                    .stringType()
                    .defaultValue("millrace")
                    .withDescription(
                            "Consumer group that offsets are committed to, for monitoring.");

    public static final ConfigOption<StartOffsets> START_OFFSETS =
            ConfigOptions.key("millrace.kafka.start-offsets")
                    .enumType(StartOffsets.class)
                    .defaultValue(StartOffsets.EARLIEST)
                    .withDescription(
                            "Where to begin without a checkpoint: earliest, latest or committed.");

    public static final ConfigOption<Duration> PARTITION_DISCOVERY =
            ConfigOptions.key("millrace.kafka.partition-discovery-interval")
                    .durationType()
                    .defaultValue(Duration.ofMinutes(1))
                    .withDescription(
                            "How often new partitions of the prompts topic are looked for; 0 for never.");

    public static final ConfigOption<Delivery> DELIVERY =
            ConfigOptions.key("millrace.delivery")
                    .enumType(Delivery.class)
                    .defaultValue(Delivery.EXACTLY_ONCE)
                    .withDescription(
                            "How completions and dead letters are written: exactly-once (visible with the next"
                                    + " checkpoint) or at-least-once (visible at once).");

    private MillraceOptions() {}

    private static ConfigOption<String> topic(String name, String description) {
        return ConfigOptions.key("millrace.topics." + name)
                .stringType()
                .defaultValue(name)
                .withDescription(description);
    }
}
