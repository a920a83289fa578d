// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * Names of a job's topics.
 *
 * @param prompts read
 * @param tokens written, at least once
 * @param completions written with {@code deadLetters}, in one transaction
 * @param deadLetters written with {@code completions}
 */
public record KafkaTopics(String prompts, String tokens, String completions, String deadLetters)
        implements Serializable {
    private static final Duration CREATION_TIMEOUT = Duration.ofSeconds(30);
    private static final String TIMESTAMP_TYPE = "message.timestamp.type";
    private static final String MAX_MESSAGE_BYTES = "max.message.bytes";
    private static final String MAX_TRANSACTION_TIMEOUT = "transaction.max.timeout.ms";

    /**
     * The topics that the options name.
     *
     * @throws IllegalArgumentException if two are the same
     */
    public static KafkaTopics of(ReadableConfig config) {
        KafkaTopics topics =
                new KafkaTopics(
                        config.get(MillraceOptions.PROMPTS_TOPIC),
                        config.get(MillraceOptions.TOKENS_TOPIC),
                        config.get(MillraceOptions.COMPLETIONS_TOPIC),
                        config.get(MillraceOptions.DEAD_LETTERS_TOPIC));
        if (new HashSet<>(topics.names()).size() < topics.names().size()) {
            throw new IllegalArgumentException("topics must differ: " + topics);
        }
        return topics;
    }

    List<String> names() {
        return List.of(prompts, tokens, completions, deadLetters);
    }

    /**
     * Creates what is missing; returns the partitions of each topic, in alphabetical order of
     * names.
     */
    public Map<String, Integer> createMissing(Admin admin, int partitions) throws IOException {
        try {
            Set<String> existing = admin.listTopics().names().get();
            List<NewTopic> missing = new ArrayList<>();
            for (String name : names()) {
                if (!existing.contains(name)) {
                    missing.add(newTopic(name, partitions));
                }
            }
            create(admin, missing);
            return partitions(admin);
        } catch (ExecutionException e) {
            throw new IOException(
                    "cannot create or read topics " + names() + ": " + e.getCause().getMessage(),
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while creating topics", e);
        }
    }

    /** Topics that are written take whatever the producers send. */
    NewTopic newTopic(String name, int partitions) {
        NewTopic topic = new NewTopic(name, Optional.of(partitions), Optional.empty());
        return name.equals(prompts)
                ? topic
                : topic.configs(
                        Map.of(MAX_MESSAGE_BYTES, Integer.toString(OutputSinks.MAX_RECORD_BYTES)));
    }

    private static void create(Admin admin, List<NewTopic> missing)
            throws ExecutionException, InterruptedException {
        for (NewTopic topic : missing) {
            try {
                admin.createTopics(List.of(topic)).all().get();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof AuthorizationException refusal) {
                    throw Permissions.ofCreation(topic.name(), refusal);
                }
                if (!(e.getCause() instanceof TopicExistsException)) {
                    throw e;
                }
            }
        }
    }

    /** A new topic is known to the controller before it is to every broker. */
    private Map<String, Integer> partitions(Admin admin)
            throws ExecutionException, InterruptedException {
        long deadlineNanos = System.nanoTime() + CREATION_TIMEOUT.toNanos();
        while (true) {
            try {
                Map<String, Integer> counts = new TreeMap<>();
                for (TopicDescription topic :
                        admin.describeTopics(names()).allTopicNames().get().values()) {
                    counts.put(topic.name(), topic.partitions().size());
                }
                return counts;
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof UnknownTopicOrPartitionException)
                        || System.nanoTime() > deadlineNanos) {
                    throw e;
                }
                Thread.sleep(100);
            }
        }
    }

    /**
     * Whether the brokers give the prompts their timestamps, which then only grow within a
     * partition.
     */
    boolean promptsHaveLogAppendTime(Admin admin) throws IOException {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, prompts);
        try {
            Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            return config.get(TIMESTAMP_TYPE).value().equals("LogAppendTime");
        } catch (ExecutionException e) {
            throw new IOException(
                    "cannot read "
                            + TIMESTAMP_TYPE
                            + " of topic "
                            + prompts
                            + ": "
                            + e.getCause().getMessage(),
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while reading topic settings", e);
        }
    }

    /**
     * The longest transaction timeout that the brokers allow: a commit that a long outage delays
     * past it is lost.
     */
    static long maxTransactionTimeoutMillis(Admin admin) throws IOException {
        try {
            Node broker = admin.describeCluster().nodes().get().iterator().next();
            ConfigResource resource =
                    new ConfigResource(ConfigResource.Type.BROKER, broker.idString());
            Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            ConfigEntry entry = config.get(MAX_TRANSACTION_TIMEOUT);
            return Long.parseLong(entry.value());
        } catch (ExecutionException e) {
            if (e.getCause() instanceof AuthorizationException refusal) {
                throw Permissions.ofBrokerSettings(
                        "set transaction.timeout.ms in the Kafka properties file", refusal);
            }
            throw new IOException(
                    "cannot read the brokers' "
                            + MAX_TRANSACTION_TIMEOUT
                            + " ("
                            + e.getCause().getMessage()
                            + "): set transaction.timeout.ms in the Kafka properties file",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while reading broker settings", e);
        }
    }
}
