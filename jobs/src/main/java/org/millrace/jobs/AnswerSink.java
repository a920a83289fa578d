// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import java.util.Collection;
import java.util.Properties;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.SupportsCommitter;
import org.apache.flink.api.connector.sink2.SupportsWriterState;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaWriterState;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.SupportsPostCommitTopology;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.kafka.common.errors.AuthorizationException;

/** A transactional {@link KafkaSink}, see {@link WatchedWriter} and {@link WatchedCommitter}. */
final class AnswerSink
        implements Sink<OutputRecord>,
                SupportsCommitter<KafkaCommittable>,
                SupportsWriterState<OutputRecord, KafkaWriterState>,
                SupportsPostCommitTopology<KafkaCommittable> {
    private static final long serialVersionUID = 1L;

    private final KafkaSink<OutputRecord> sink;
    private final KafkaTopics topics;
    private final Properties kafka;
    private final String transactionPrefix;

    AnswerSink(
            KafkaSink<OutputRecord> sink,
            KafkaTopics topics,
            Properties kafka,
            String transactionPrefix) {
        this.sink = sink;
        this.transactionPrefix = transactionPrefix;
        this.topics = topics;
        this.kafka = kafka;
    }

    @Override
    public Committer<KafkaCommittable> createCommitter(CommitterInitContext context) {
        return new WatchedCommitter(
                sink.createCommitter(context),
                topics,
                kafka,
                transactionPrefix,
                context.metricGroup());
    }

    @Override
    public SinkWriter<OutputRecord> createWriter(WriterInitContext context) throws IOException {
        try {
            return new WatchedWriter<>(sink.createWriter(context), transactionPrefix);
        } catch (AuthorizationException e) {
            throw Permissions.ofTransactions(transactionPrefix, e);
        }
    }

    @Override
    public StatefulSinkWriter<OutputRecord, KafkaWriterState> restoreWriter(
            WriterInitContext context, Collection<KafkaWriterState> state) {
        try {
            return new WatchedWriter<>(sink.restoreWriter(context, state), transactionPrefix);
        } catch (AuthorizationException e) {
            throw Permissions.ofTransactions(transactionPrefix, e);
        }
    }

    @Override
    public SimpleVersionedSerializer<KafkaCommittable> getCommittableSerializer() {
        return sink.getCommittableSerializer();
    }

    @Override
    public SimpleVersionedSerializer<KafkaWriterState> getWriterStateSerializer() {
        return sink.getWriterStateSerializer();
    }

    @Override
    public void addPostCommitTopology(DataStream<CommittableMessage<KafkaCommittable>> committed) {
        sink.addPostCommitTopology(committed);
    }
}
