// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.header.Header;

/**
 * The topics of a job's answers, read. Other jobs may write to them, too: an answer names its
 * transaction in the header {@link #TRANSACTION_HEADER}, and names of transactions are the job's
 * own.
 */
public final class AnswerTopics implements AutoCloseable {
    /** Header of answers: the transaction that they came in, UTF-8. */
    public static final String TRANSACTION_HEADER = "millrace-transaction";

    private final Properties kafka;
    private final List<String> topics;
    private final String transactionPrefix;
    private final Admin admin;

    AnswerTopics(Properties kafka, KafkaTopics topics, String transactionPrefix) {
        this.kafka = kafka;
        this.topics = List.of(topics.completions(), topics.deadLetters());
        this.transactionPrefix = transactionPrefix;
        this.admin = Admin.create(kafka);
    }

    /**
     * Name of the transaction that the sink's one subtask opens after a checkpoint. As the
     * connector makes it with {@code TransactionNamingStrategy.INCREMENTING}.
     */
    static String transaction(String prefix, long checkpoint) {
        return prefix + "-0-" + (checkpoint + 1);
    }

    /** Where each partition ends now, in records, behind transactions that are open. */
    Map<TopicPartition, Long> ends() throws ExecutionException, InterruptedException {
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        for (TopicDescription topic : admin.describeTopics(topics).allTopicNames().get().values()) {
            topic.partitions()
                    .forEach(
                            info ->
                                    latest.put(
                                            new TopicPartition(topic.name(), info.partition()),
                                            OffsetSpec.latest()));
        }
        Map<TopicPartition, Long> ends = new HashMap<>();
        admin.listOffsets(latest)
                .all()
                .get()
                .forEach((partition, found) -> ends.put(partition, found.offset()));
        return ends;
    }

    /** Id of a topic; the zero id where the brokers have none. */
    Uuid id(String topic) throws ExecutionException, InterruptedException {
        return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId();
    }

    /**
     * Prompts, by {@link Origin#PROMPT_HEADER}, with a committed answer of this job, and the last
     * checkpoint before that was sent. Waits for the end of transactions that are open: those of an
     * earlier execution are committed or aborted when the sinks are restored.
     *
     * @param starts where to begin, without partitions that were added later
     * @param ends where to stop
     */
    Map<String, Long> sent(Map<TopicPartition, Long> starts, Map<TopicPartition, Long> ends) {
        Map<TopicPartition, Long> from = new HashMap<>();
        ends.forEach(
                (partition, end) -> {
                    long start = starts.getOrDefault(partition, 0L);
                    // A topic that ends before was made anew since.
                    from.put(partition, start <= end ? start : 0L);
                });
        Map<String, Long> prompts = new HashMap<>();
        TopicScan.scanBetween(
                kafka,
                from,
                ends,
                answer -> {
                    String prompt = text(answer, Origin.PROMPT_HEADER);
                    long checkpoint = checkpoint(answer, transactionPrefix);
                    if (prompt != null && checkpoint >= 0) {
                        prompts.merge(prompt, checkpoint, Math::max);
                    }
                });
        return prompts;
    }

    /**
     * Whether a committed answer names this transaction. Reads backwards, in growing steps, to
     * answers of earlier ones; what lies behind another producer's open transaction is not seen.
     */
    static boolean hold(
            Properties kafka, KafkaTopics topics, String transactionPrefix, String transaction) {
        long checkpoint = checkpoint(transaction, transactionPrefix);
        return List.of(topics.completions(), topics.deadLetters()).stream()
                .anyMatch(
                        topic ->
                                TopicScan.anyNewest(
                                        kafka,
                                        topic,
                                        answer -> transaction.equals(transaction(answer)),
                                        answer -> isOlder(answer, transactionPrefix, checkpoint)));
    }

    private static boolean isOlder(
            ConsumerRecord<byte[], byte[]> answer, String transactionPrefix, long checkpoint) {
        long named = checkpoint(answer, transactionPrefix);
        return named >= 0 && named < checkpoint;
    }

    private static long checkpoint(ConsumerRecord<byte[], byte[]> answer, String prefix) {
        return checkpoint(transaction(answer), prefix);
    }

    /** The checkpoint that a transaction was opened after; -1 if it is none of these names. */
    private static long checkpoint(String transaction, String prefix) {
        String names = prefix + "-0-";
        if (transaction == null || !transaction.startsWith(names)) {
            return -1;
        }
        try {
            return Long.parseLong(transaction.substring(names.length())) - 1;
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private static String transaction(ConsumerRecord<byte[], byte[]> answer) {
        return text(answer, TRANSACTION_HEADER);
    }

    private static String text(ConsumerRecord<byte[], byte[]> answer, String name) {
        Header header = answer.headers().lastHeader(name);
        return header == null || header.value() == null
                ? null
                : new String(header.value(), StandardCharsets.UTF_8);
    }

    /** Does not wait for brokers that do not answer. */
    @Override
    public void close() {
        admin.close(Duration.ZERO);
    }
}
