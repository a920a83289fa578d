package org.millrace.jobs;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.millrace.operators.Origin;

/** The topics of answers, read. For one thread at a time. */
final class AnswerTopics implements AutoCloseable {
    private final Properties kafka;
    private final List<String> topics;
    private final Admin admin;

    private AnswerTopics(Properties kafka, List<String> topics) {
        this.kafka = kafka;
        this.topics = topics;
        this.admin = Admin.create(kafka);
    }

    static AnswerTopics of(KafkaTopics topics, Properties kafka) {
        return new AnswerTopics(kafka, List.of(topics.completions(), topics.deadLetters()));
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

    /**
     * Prompts, by {@link Origin#PROMPT_HEADER}, with a committed answer that was sent after a
     * checkpoint. Waits for the end of transactions that are open: those of an earlier execution
     * are committed or aborted when the sinks are restored.
     *
     * @param starts where answers after the checkpoint begin at the earliest, without partitions
     *     that were added later
     * @param ends where to stop
     */
    Set<String> sentSince(
            long checkpoint, Map<TopicPartition, Long> starts, Map<TopicPartition, Long> ends) {
        Map<TopicPartition, Long> from = new HashMap<>();
        // A topic that was made anew may end before.
        ends.forEach((part, end) -> from.put(part, Math.min(end, starts.getOrDefault(part, 0L))));
        Set<String> prompts = new HashSet<>();
        TopicScan.scanBetween(
                kafka,
                from,
                ends,
                answer -> {
                    if (checkpoint(answer) >= checkpoint) {
                        prompts.add(text(answer, Origin.PROMPT_HEADER));
                    }
                });
        return prompts;
    }

    /**
     * Whether a committed answer names this checkpoint as the last before it. Reads backwards, in
     * growing steps, to answers that name an earlier one. Does not wait for open transactions.
     */
    boolean holdSentAfter(long checkpoint) {
        return topics.stream()
                .anyMatch(
                        topic ->
                                TopicScan.anyNewest(
                                        kafka,
                                        topic,
                                        answer -> checkpoint(answer) == checkpoint,
                                        answer -> checkpoint(answer) < checkpoint));
    }

    /** The checkpoint that an answer names; -1 if it names none. */
    private static long checkpoint(ConsumerRecord<byte[], byte[]> answer) {
        String number = text(answer, SendOnce.CHECKPOINT_HEADER);
        try {
            return number == null ? -1 : Long.parseLong(number);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private static String text(ConsumerRecord<byte[], byte[]> answer, String name) {
        Header header = answer.headers().lastHeader(name);
        return header == null || header.value() == null
                ? null
                : new String(header.value(), StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        admin.close();
    }
}
