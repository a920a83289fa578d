// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.concurrent.ExecutorThreadFactory;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends each answer once, whatever checkpoint the job goes back to.
 *
 * <p>An answer is not let through if the topics hold one to the same prompt that a restored
 * checkpoint does not know of. Flink commits the transactions of a stop's savepoint, but if its
 * JobManager dies before the job has ended it goes on from the checkpoint before: what was answered
 * in between would be answered twice. The same happens when somebody goes back to an older
 * checkpoint.
 *
 * <p>An answer is sent again if its transaction was in the restored checkpoint and was lost,
 * because the job was down for longer than the transaction's timeout. State keeps answers until
 * their transaction is committed.
 *
 * <p>Each answer carries the position of its prompt ({@link Origin#PROMPT_HEADER}) and the name of
 * its transaction ({@link AnswerTopics#TRANSACTION_HEADER}), which is counted up by checkpoints.
 * After a restore the topics are read, in a thread of its own, from where they ended before the
 * oldest answer that is kept; the first answer and the next checkpoint wait for it.
 *
 * <p>The first subtask does it all, in front of a sink whose first subtask does it all; others,
 * which a rescale may add, get no records. Another one could already be sending while this one
 * reads, and would be waited for by a checkpoint that it waits for itself. It must be chained to
 * the sink, which then has ended the transactions of an earlier execution before this operator asks
 * where the topics end.
 */
final class SendOnce extends AbstractStreamOperator<OutputRecord>
        implements OneInputStreamOperator<OutputRecord, OutputRecord> {
    private static final String NAME = "send once";
    private static final String UID = "send-once";

    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(SendOnce.class);

    private final KafkaTopics topics;
    private final Properties kafka;
    private final String transactionPrefix;
    private final boolean allowTopicChange;

    private transient SendOnceState state;
    private transient AnswerTopics answers;
    private transient JobPresence presence;
    private transient ExecutorService reader;
    private transient Future<Reading> reading;

    /** Prompts whose answers the topics hold and that will be answered again; null until read. */
    private transient Set<String> ahead;

    /**
     * Answers whose transaction may not be committed yet, by the checkpoint it was opened after.
     */
    private transient Deque<Tuple2<Long, OutputRecord>> kept;

    /** No answer that is kept or sent later is below. */
    private transient Map<TopicPartition, Long> ends;

    /** The ends as they were asked for last; null while nobody has since they were taken. */
    private transient volatile Map<TopicPartition, Long> askedEnds;

    /** What will be {@link #ends} once {@link #nextEndsCheckpoint} is complete, or null. */
    private transient Map<TopicPartition, Long> nextEnds;

    private transient long nextEndsCheckpoint;
    private transient long lastCheckpoint;
    private transient Counter alreadySent;
    private transient Counter sentAgain;

    /**
     * What the topics told at the start.
     *
     * @param promptsTopic id of the prompts topic
     * @param ends where the answers' topics ended
     * @param sent checkpoints of transactions, by the prompts that they hold answers to
     */
    private record Reading(
            String promptsTopic, Map<TopicPartition, Long> ends, Map<String, Long> sent) {}

    private SendOnce(
            KafkaTopics topics,
            Properties kafka,
            String transactionPrefix,
            boolean allowTopicChange) {
        this.allowTopicChange = allowTopicChange;
        this.topics = topics;
        this.kafka = kafka;
        this.transactionPrefix = transactionPrefix;
    }

    /**
     * The answers to be sent, all from the first subtask, for a chained sink.
     *
     * @param allowTopicChange whether the prompts topic may be another one than in the state
     */
    static DataStream<OutputRecord> filter(
            DataStream<OutputRecord> answers,
            KafkaTopics topics,
            Properties kafka,
            String transactionPrefix,
            boolean allowTopicChange) {
        // Not left to follow from the parallelism: records in flight would not be restored by
        // another one.
        return answers.global()
                .transform(
                        NAME,
                        OutputRecord.TYPE,
                        new SendOnce(topics, kafka, transactionPrefix, allowTopicChange))
                .uid(UID)
                .setParallelism(1);
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        boolean isFirst = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0;
        state = SendOnceState.open(context.getOperatorStateStore(), isFirst);
        if (!isFirst) {
            return;
        }
        lastCheckpoint = context.getRestoredCheckpointId().orElse(0);
        kept = new ArrayDeque<>();
        answers = new AnswerTopics(kafka, topics, transactionPrefix);
        reader = Executors.newSingleThreadExecutor(new ExecutorThreadFactory("answer-topics"));
        presence =
                new JobPresence(
                        kafka,
                        transactionPrefix,
                        topics.completions(),
                        getRuntimeContext().getJobInfo().getJobId());
        presence.start();
        Map<TopicPartition, Long> starts = state.ends();
        Optional<String> promptsTopic = state.promptsTopic();
        reading = reader.submit(() -> read(starts, promptsTopic));
    }

    private Reading read(Map<TopicPartition, Long> starts, Optional<String> checkpointedTopic)
            throws Exception {
        presence.awaitAlone();
        String promptsTopic = answers.id(topics.prompts()).toString();
        if (!allowTopicChange && !checkpointedTopic.orElse(promptsTopic).equals(promptsTopic)) {
            throw new TopicChangedException(
                    topics.prompts(), promptsTopic, checkpointedTopic.orElseThrow());
        }
        Map<TopicPartition, Long> now = answers.ends();
        // A new job, or state from before this operator: nothing to look for.
        return new Reading(
                promptsTopic, now, starts.isEmpty() ? Map.of() : answers.sent(starts, now));
    }

    @Override
    public void open() throws Exception {
        super.open();
        MetricGroup metrics = getMetricGroup().addGroup("millrace");
        alreadySent = metrics.counter("alreadySent");
        sentAgain = metrics.counter("sentAgain");
    }

    @Override
    public void processElement(StreamRecord<OutputRecord> element) throws Exception {
        awaitReading();
        OutputRecord answer = element.getValue();
        if (ahead.remove(answer.header(Origin.PROMPT_HEADER))) {
            alreadySent.inc();
        } else {
            send(answer);
        }
    }

    private void send(OutputRecord answer) {
        String transaction = AnswerTopics.transaction(transactionPrefix, lastCheckpoint);
        kept.add(Tuple2.of(lastCheckpoint, answer));
        output.collect(
                new StreamRecord<>(
                        answer.withHeader(AnswerTopics.TRANSACTION_HEADER, transaction)));
    }

    /** Answers that are sent again here are in the checkpoint's transaction. */
    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        if (reader != null) {
            awaitReading();
        }
    }

    private void awaitReading() throws Exception {
        if (ahead != null) {
            return;
        }
        try {
            Reading read = reading.get();
            state.updatePromptsTopic(read.promptsTopic());
            ends = read.ends();
            ahead = ahead(read.sent());
            List<OutputRecord> missing = missing(read.sent());
            missing.forEach(this::send);
            sentAgain.inc(missing.size());
            logRead(ahead.size(), missing.size());
        } catch (ExecutionException e) {
            throw new IOException(
                    "cannot begin to send to topics "
                            + topics.completions()
                            + " and "
                            + topics.deadLetters()
                            + ": "
                            + e.getCause().getMessage(),
                    e.getCause());
        }
    }

    private Set<String> ahead(Map<String, Long> sent) throws Exception {
        Set<String> prompts = new HashSet<>(state.ahead());
        sent.forEach(
                (prompt, checkpoint) -> {
                    if (checkpoint >= lastCheckpoint) {
                        prompts.add(prompt);
                    }
                });
        // Their sessions count them as answered: they do not come again.
        state.kept().forEach(answer -> prompts.remove(answer.header(Origin.PROMPT_HEADER)));
        return prompts;
    }

    private List<OutputRecord> missing(Map<String, Long> sent) throws Exception {
        List<OutputRecord> missing = new ArrayList<>(state.kept());
        missing.removeIf(answer -> sent.containsKey(answer.header(Origin.PROMPT_HEADER)));
        return missing;
    }

    private void logRead(int aheadCount, int missingCount) {
        if (aheadCount > 0) {
            LOG.warn(
                    "The topics hold {} answers that checkpoint {} does not know of; they are not"
                            + " sent again",
                    aheadCount,
                    lastCheckpoint);
        }
        if (missingCount > 0) {
            LOG.warn(
                    "The topics do not hold {} answers that checkpoint {} counts as sent; they are"
                            + " sent again",
                    missingCount,
                    lastCheckpoint);
        }
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        if (reader == null) {
            return;
        }
        state.update(ends, ahead, kept);
        lastCheckpoint = context.getCheckpointId();
        if (nextEnds == null && askedEnds != null) {
            nextEnds = askedEnds;
            nextEndsCheckpoint = lastCheckpoint;
            askedEnds = null;
        }
    }

    /**
     * The sink, which is told first, has committed what was sent before the checkpoint. What is
     * left was sent after it, so above the ends that were asked for before it.
     */
    @Override
    public void notifyCheckpointComplete(long checkpointId) throws Exception {
        super.notifyCheckpointComplete(checkpointId);
        if (reader == null) {
            return;
        }
        while (!kept.isEmpty() && kept.peek().f0 < checkpointId) {
            kept.remove();
        }
        if (nextEnds != null && nextEndsCheckpoint <= checkpointId) {
            ends = nextEnds;
            nextEnds = null;
        }
        if (nextEnds == null && askedEnds == null) {
            reader.submit(this::askForEnds);
        }
    }

    private void askForEnds() {
        try {
            askedEnds = answers.ends();
        } catch (ExecutionException | RuntimeException e) {
            LOG.warn("Cannot ask where the answers' topics end; the next restore reads more", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() throws Exception {
        if (reader != null) {
            reader.shutdownNow();
            answers.close();
        }
        if (presence != null) {
            presence.close();
        }
        super.close();
    }
}
