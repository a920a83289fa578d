// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.concurrent.ExecutorThreadFactory;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets an answer through unless the topics hold one to the same prompt that a restored checkpoint
 * does not know of. Flink commits the transactions of a stop's savepoint, but if its JobManager
 * dies before the job has ended it goes on from the checkpoint before: what was answered in between
 * would be answered twice. The same happens when somebody goes back to an older checkpoint.
 *
 * <p>Each answer carries the position of its prompt ({@link Origin#PROMPT_HEADER}) and the name of
 * its transaction ({@link AnswerTopics#TRANSACTION_HEADER}), which is counted up by checkpoints.
 * After a restore the topics are read from where they ended at that checkpoint, in a thread of its
 * own; the first answer and the next checkpoint wait for it. What was sent after the restored
 * checkpoint is remembered, in state, until it has come again and been dropped.
 *
 * <p>One subtask, in front of a sink of one subtask: another one could already be sending while
 * this one reads, and would be waited for by a checkpoint that it waits for itself. It must be
 * chained to the sink, which then has ended the transactions of an earlier execution before this
 * operator asks where the topics end.
 */
final class SendOnce extends ProcessFunction<OutputRecord, OutputRecord>
        implements CheckpointedFunction, CheckpointListener {
    private static final String NAME = "send once";
    private static final String UID = "send-once";

    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(SendOnce.class);

    private final KafkaTopics topics;
    private final Properties kafka;
    private final String transactionPrefix;

    /** Per partition of the answers' topics an offset that no later answer is below. */
    private transient ListState<Tuple3<String, Integer, Long>> endState;

    /** Prompts, by position, whose answers the topics hold and that will be answered again. */
    private transient ListState<String> aheadState;

    private transient AnswerTopics answers;
    private transient ExecutorService reader;
    private transient Future<Set<String>> reading;
    private transient Set<String> ahead;
    private transient volatile Map<TopicPartition, Long> ends;
    private transient long lastCheckpoint;
    private transient Counter alreadySent;

    private SendOnce(KafkaTopics topics, Properties kafka, String transactionPrefix) {
        this.topics = topics;
        this.kafka = kafka;
        this.transactionPrefix = transactionPrefix;
    }

    /** The answers without those that were sent before, in one subtask, for a sink of one. */
    static DataStream<OutputRecord> filter(
            DataStream<OutputRecord> answers,
            KafkaTopics topics,
            Properties kafka,
            String transactionPrefix) {
        // Not left to follow from the parallelism: records in flight would not be restored by
        // another one.
        return answers.global()
                .process(new SendOnce(topics, kafka, transactionPrefix), OutputRecord.TYPE)
                .name(NAME)
                .uid(UID)
                .setParallelism(1);
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
        int subtasks = getRuntimeContext().getTaskInfo().getNumberOfParallelSubtasks();
        if (subtasks > 1) {
            throw new IllegalStateException(
                    "operator '"
                            + NAME
                            + "' runs with parallelism="
                            + subtasks
                            + ", it needs 1; jobmanager.scheduler-mode=reactive raises it, leave"
                            + " that out");
        }
        OperatorStateStore store = context.getOperatorStateStore();
        endState =
                store.getListState(
                        new ListStateDescriptor<>(
                                "topic-ends", Types.TUPLE(Types.STRING, Types.INT, Types.LONG)));
        aheadState = store.getListState(new ListStateDescriptor<>("ahead", Types.STRING));
        lastCheckpoint = context.getRestoredCheckpointId().orElse(0);
        answers = new AnswerTopics(kafka, topics, transactionPrefix);
        reader = Executors.newSingleThreadExecutor(new ExecutorThreadFactory("answer-topics"));
        startReading(lastCheckpoint);
    }

    private void startReading(long checkpoint) throws Exception {
        Map<TopicPartition, Long> starts = new HashMap<>();
        endState.get().forEach(end -> starts.put(new TopicPartition(end.f0, end.f1), end.f2));
        Set<String> known = new HashSet<>();
        aheadState.get().forEach(known::add);
        reading =
                reader.submit(
                        () -> {
                            ends = answers.ends();
                            // A new job, or state from before this operator: nothing to look for.
                            if (!starts.isEmpty()) {
                                Set<String> sent = answers.sentSince(checkpoint, starts, ends);
                                logSent(sent.size(), checkpoint);
                                known.addAll(sent);
                            }
                            return known;
                        });
    }

    private static void logSent(int count, long checkpoint) {
        if (count > 0) {
            LOG.warn(
                    "The topics hold {} answers that checkpoint {} does not know of; they are not"
                            + " sent again",
                    count,
                    checkpoint);
        }
    }

    @Override
    public void open(OpenContext context) {
        alreadySent =
                getRuntimeContext().getMetricGroup().addGroup("millrace").counter("alreadySent");
    }

    @Override
    public void processElement(OutputRecord answer, Context context, Collector<OutputRecord> out)
            throws Exception {
        awaitReading();
        if (ahead.remove(answer.header(Origin.PROMPT_HEADER))) {
            alreadySent.inc();
        } else {
            String transaction = AnswerTopics.transaction(transactionPrefix, lastCheckpoint);
            out.collect(answer.withHeader(AnswerTopics.TRANSACTION_HEADER, transaction));
        }
    }

    private void awaitReading() throws Exception {
        if (ahead != null) {
            return;
        }
        try {
            ahead = reading.get();
        } catch (ExecutionException e) {
            throw new IOException(
                    "cannot read the answers since checkpoint "
                            + lastCheckpoint
                            + " in "
                            + topics.completions()
                            + " and "
                            + topics.deadLetters(),
                    e.getCause());
        }
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
        awaitReading();
        List<Tuple3<String, Integer, Long>> positions = new ArrayList<>();
        ends.forEach((part, end) -> positions.add(Tuple3.of(part.topic(), part.partition(), end)));
        endState.update(positions);
        aheadState.update(List.copyOf(ahead));
        lastCheckpoint = context.getCheckpointId();
    }

    /** Where the topics end now is below all that is sent after the next checkpoint. */
    @Override
    public void notifyCheckpointComplete(long checkpointId) {
        reader.submit(this::refreshEnds);
    }

    private void refreshEnds() {
        try {
            ends = answers.ends();
        } catch (ExecutionException | RuntimeException e) {
            LOG.warn("Cannot ask where the answers' topics end; the next restore reads more", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        if (reader != null) {
            reader.shutdownNow();
            answers.close();
        }
    }
}
