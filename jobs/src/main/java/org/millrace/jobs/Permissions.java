// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import static org.apache.kafka.common.acl.AclOperation.DESCRIBE_CONFIGS;
import static org.apache.kafka.common.acl.AclOperation.READ;
import static org.apache.kafka.common.acl.AclOperation.WRITE;

import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.util.ExceptionUtils;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * Asks the brokers, where a job is submitted, whether its principal may do all that the job will:
 * most of it would be refused only while it runs, and again after each restart. Changes nothing.
 */
final class Permissions {
    /** No member of any group. */
    private static final String NOBODY = "millrace-nobody";

    private final Admin admin;
    private final List<String> missing = new ArrayList<>();

    /** The first refusal, if there is one. */
    private Throwable refusal;

    private Permissions(Admin admin) {
        this.admin = admin;
    }

    /**
     * Topics may be missing.
     *
     * @throws NotAllowedException naming all that is not allowed
     * @throws IOException if the brokers cannot be asked
     */
    static void check(Admin admin, ReadableConfig config, KafkaTopics topics) throws IOException {
        boolean isExactlyOnce =
                config.get(MillraceOptions.DELIVERY) != MillraceOptions.Delivery.AT_LEAST_ONCE;
        Permissions permissions = new Permissions(admin);
        try {
            permissions.ofTopics(needed(topics, isExactlyOnce));
            permissions.ofGroup(config.get(MillraceOptions.GROUP_ID));
            if (isExactlyOnce) {
                String transactions = GenerationJob.transactions(config, topics);
                permissions.ofGroup(transactions);
                permissions.ofTransactions(transactions);
            }
        } catch (ExecutionException e) {
            throw new IOException(
                    "cannot ask for the job's permissions: " + e.getCause().getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while asking for permissions", e);
        }
        if (!permissions.missing.isEmpty()) {
            throw new NotAllowedException(permissions.missing, permissions.refusal);
        }
    }

    private static Map<String, Set<AclOperation>> needed(
            KafkaTopics topics, boolean isExactlyOnce) {
        Set<AclOperation> ofAnswers = isExactlyOnce ? EnumSet.of(READ, WRITE) : EnumSet.of(WRITE);
        Map<String, Set<AclOperation>> needed = new LinkedHashMap<>();
        needed.put(topics.prompts(), EnumSet.of(READ));
        needed.put(topics.tokens(), EnumSet.of(WRITE));
        needed.put(topics.completions(), ofAnswers);
        needed.put(topics.deadLetters(), ofAnswers);
        return needed;
    }

    private void ofTopics(Map<String, Set<AclOperation>> needed)
            throws ExecutionException, InterruptedException {
        var found =
                admin.describeTopics(
                                needed.keySet(),
                                new DescribeTopicsOptions().includeAuthorizedOperations(true))
                        .topicNameValues();
        for (Map.Entry<String, Set<AclOperation>> topic : needed.entrySet()) {
            String resource = "topic=" + topic.getKey();
            try {
                Set<AclOperation> allowed = found.get(topic.getKey()).get().authorizedOperations();
                // Brokers before 2.3 do not tell.
                if (allowed != null) {
                    topic.getValue().stream()
                            .filter(operation -> !allowed.contains(operation))
                            .forEach(operation -> add(resource, operation));
                }
            } catch (ExecutionException e) {
                if (e.getCause() instanceof AuthorizationException) {
                    refusal = e.getCause();
                    topic.getValue().forEach(operation -> add(resource, operation));
                } else if (!(e.getCause() instanceof UnknownTopicOrPartitionException)) {
                    throw e;
                }
            }
        }
    }

    /** Asks to remove a member that is not there, which takes what members and commits take. */
    private void ofGroup(String group) throws InterruptedException {
        RemoveMembersFromConsumerGroupOptions nobody =
                new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove(NOBODY)));
        if (isRefused(admin.removeMembersFromConsumerGroup(group, nobody).all())) {
            add("group=" + group, READ);
        }
    }

    /** To describe one is all that can be tried without one. */
    private void ofTransactions(String prefix) throws InterruptedException {
        if (isRefused(
                admin.describeTransactions(List.of(AnswerTopics.transaction(prefix, 0))).all())) {
            addTransactions(missing, prefix);
        }
    }

    /** Brokers that refuse for another reason would have let the principal. */
    private boolean isRefused(KafkaFuture<?> request) throws InterruptedException {
        try {
            request.get();
            return false;
        } catch (ExecutionException e) {
            var unauthorized = ExceptionUtils.findThrowable(e, AuthorizationException.class);
            unauthorized.ifPresent(cause -> refusal = cause);
            return unauthorized.isPresent();
        }
    }

    private void add(String resource, AclOperation operation) {
        missing.add(resource + " operation=" + name(operation));
    }

    private static void addTransactions(List<String> missing, String prefix) {
        missing.add("transactional-id=" + prefix + "-* operation=" + name(WRITE));
    }

    /** For a sink that cannot begin its transactions. */
    static NotAllowedException ofTransactions(String prefix, AuthorizationException refusal) {
        List<String> missing = new ArrayList<>();
        addTransactions(missing, prefix);
        return new NotAllowedException(missing, refusal);
    }

    /** For a member that its group does not take. */
    static NotAllowedException ofMember(
            String group, String topic, AuthorizationException refusal) {
        return new NotAllowedException(
                List.of(
                        "group=" + group + " operation=" + name(READ),
                        "topic=" + topic + " operation=" + name(READ)),
                refusal);
    }

    /** For a topic that is missing. */
    static NotAllowedException ofCreation(String topic, AuthorizationException refusal) {
        return new NotAllowedException(
                List.of("topic=" + topic + " operation=" + name(AclOperation.CREATE)), refusal);
    }

    /** For settings of the brokers. */
    static NotAllowedException ofBrokerSettings(String remedy, AuthorizationException refusal) {
        return new NotAllowedException(
                List.of("cluster operation=" + name(DESCRIBE_CONFIGS) + " (or " + remedy + ")"),
                refusal);
    }

    /** As in {@code kafka-acls.sh}. */
    private static String name(AclOperation operation) {
        return switch (operation) {
            case READ -> "Read";
            case WRITE -> "Write";
            case CREATE -> "Create";
            case DESCRIBE_CONFIGS -> "DescribeConfigs";
            default -> operation.toString();
        };
    }
}
