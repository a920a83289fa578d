// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;

/**
 * Options of the Kafka job, beside {@link org.millrace.operators.GenerationOptions}. Like any Flink
 * option they are set by {@code -Dkey=value} or in the configuration file.
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

    /** What is done about a session whose prompts come from two partitions. */
    public enum SessionPartitions {
        /** Nothing. */
        UNCHECKED,
        /** They are counted, and answered all the same. */
        COUNT,
        /** The job fails. */
        FAIL
    }

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
                    .withDescription("How long a budget lasts, by event time.");

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

    public static final ConfigOption<SessionPartitions> SESSION_PARTITIONS =
            ConfigOptions.key("millrace.kafka.session-partitions")
                    .enumType(SessionPartitions.class)
                    .defaultValue(SessionPartitions.UNCHECKED)
                    .withDescription(
                            "What is done about a session whose prompts come from two partitions, so that its turns have no order:"
                                    + " unchecked, count (movedSessions, and a line in the log) or fail.");

    public static final ConfigOption<Boolean> ALLOW_TOPIC_CHANGE =
            ConfigOptions.key("millrace.kafka.allow-topic-change")
                    .booleanType()
                    .defaultValue(false)
                    .withDescription(
                            "Whether a job may go on, at its checkpoint's offsets, with a prompts topic that was made anew since.");

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
