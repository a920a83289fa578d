// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;
import org.apache.flink.api.connector.sink2.Committer.CommitRequest;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.flink.connector.kafka.sink.internal.FlinkKafkaInternalProducer;
import org.apache.flink.connector.kafka.sink.internal.KafkaCommitter;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.millrace.e2e.TestCluster;

/** Kafka's own committer, watched, at a real broker. */
@ExtendWith(TestCluster.Extension.class)
class LostTransactionsITCase {
    private final Counter lost = new SimpleCounter();
    private final Request request = new Request();
    private Properties kafka;
    private String topic;
    private WatchedCommitter committer;

    @BeforeEach
    void open(TestCluster cluster) throws Exception {
        KafkaTopics topics = KafkaTopics.of(cluster.newJob());
        topic = topics.completions();
        kafka = cluster.kafka();
        kafka.setProperty("key.serializer", ByteArraySerializer.class.getName());
        kafka.setProperty("value.serializer", ByteArraySerializer.class.getName());
        committer =
                new WatchedCommitter(
                        new KafkaCommitter(
                                kafka, "test", 0, 0, false, FlinkKafkaInternalProducer::new),
                        topics,
                        cluster.kafka(),
                        "test",
                        new UnregisteredMetricsGroup() {
                            @Override
                            public UnregisteredMetricsGroup addGroup(String name) {
                                return this;
                            }

                            @Override
                            public Counter counter(String name) {
                                assertThat(name).isEqualTo("lostTransactions");
                                return lost;
                            }
                        });
    }

    @AfterEach
    void close() throws Exception {
        committer.close();
    }

    @Test
    void transactionThatTheBrokerAbortedIsLost() throws Exception {
        try (FlinkKafkaInternalProducer<byte[], byte[]> earlier = written("test-0-4");
                FlinkKafkaInternalProducer<byte[], byte[]> producer = written("test-0-5");
                FlinkKafkaInternalProducer<byte[], byte[]> other =
                        new FlinkKafkaInternalProducer<>(kafka, "test-0-5")) {
            earlier.commitTransaction();
            other.initTransactions();
            commit(KafkaCommittable.of(producer));
        }
        assertThat(lost.getCount()).isEqualTo(1);
        assertThat(request.failure).isNotNull();
    }

    /** The broker then says only that nothing is open under that name. */
    @Test
    void transactionThatWasCommittedBeforeItsNameWasTakenAgainIsNot() throws Exception {
        try (FlinkKafkaInternalProducer<byte[], byte[]> producer = written("test-0-6");
                FlinkKafkaInternalProducer<byte[], byte[]> other =
                        new FlinkKafkaInternalProducer<>(kafka, "test-0-6")) {
            KafkaCommittable committable =
                    new KafkaCommittable(
                            producer.getProducerId(), producer.getEpoch(), "test-0-6", null);
            producer.commitTransaction();
            other.initTransactions();
            commit(committable);
        }
        assertThat(request.failure).isNull();
        assertThat(lost.getCount()).isZero();
    }

    /** As one of another producer with the same name, committed, would look like. */
    @Test
    void transactionThatAnotherOneOfItsNameFollowedIsLost() throws Exception {
        try (FlinkKafkaInternalProducer<byte[], byte[]> producer = written("test-0-8")) {
            KafkaCommittable committable =
                    new KafkaCommittable(
                            producer.getProducerId(), producer.getEpoch(), "test-0-8", null);
            try (FlinkKafkaInternalProducer<byte[], byte[]> other =
                    new FlinkKafkaInternalProducer<>(kafka, "test-0-8")) {
                other.initTransactions();
                other.beginTransaction();
                other.send(new ProducerRecord<>(topic, new byte[] {1})).get();
                other.commitTransaction();
            }
            commit(committable);
        }
        assertThat(lost.getCount()).isEqualTo(1);
    }

    /** After transactional.id.expiration.ms. */
    @Test
    void transactionWhoseNameIsForgottenIsLookedForInTheTopics() throws Exception {
        try (FlinkKafkaInternalProducer<byte[], byte[]> producer = written("test-0-6")) {
            producer.commitTransaction();
        }
        // Answers of one transaction under the name of another that the broker never knew.
        try (FlinkKafkaInternalProducer<byte[], byte[]> producer = begun("test-0-7")) {
            send(producer, "test-0-9");
            producer.commitTransaction();
        }
        commit(new KafkaCommittable(4711, (short) 0, "test-0-9", null));
        assertThat(lost.getCount()).isZero();
        assertThat(request.failure).isNull();
        commit(new KafkaCommittable(4711, (short) 0, "test-0-8", null));
        assertThat(lost.getCount()).isEqualTo(1);
    }

    @Test
    void transactionThatWasCommittedBeforeIsNot() throws Exception {
        try (FlinkKafkaInternalProducer<byte[], byte[]> producer = written("test-0-7")) {
            KafkaCommittable committable =
                    new KafkaCommittable(
                            producer.getProducerId(), producer.getEpoch(), "test-0-7", null);
            producer.commitTransaction();
            commit(committable);
        }
        assertThat(lost.getCount()).isZero();
        assertThat(request.failure).isNull();
    }

    private FlinkKafkaInternalProducer<byte[], byte[]> written(String transaction)
            throws Exception {
        FlinkKafkaInternalProducer<byte[], byte[]> producer = begun(transaction);
        send(producer, transaction);
        return producer;
    }

    private FlinkKafkaInternalProducer<byte[], byte[]> begun(String transaction) {
        FlinkKafkaInternalProducer<byte[], byte[]> producer =
                new FlinkKafkaInternalProducer<>(kafka, transaction);
        producer.initTransactions();
        producer.beginTransaction();
        return producer;
    }

    private void send(FlinkKafkaInternalProducer<byte[], byte[]> producer, String transaction)
            throws Exception {
        ProducerRecord<byte[], byte[]> answer = new ProducerRecord<>(topic, new byte[] {1});
        answer.headers()
                .add(AnswerTopics.TRANSACTION_HEADER, transaction.getBytes(StandardCharsets.UTF_8));
        producer.send(answer).get();
    }

    private void commit(KafkaCommittable committable) throws Exception {
        request.committable = committable;
        committer.commit(List.of(request));
    }

    /** Notes how it ended. */
    private static final class Request implements CommitRequest<KafkaCommittable> {
        private KafkaCommittable committable;
        private Throwable failure;

        @Override
        public KafkaCommittable getCommittable() {
            return committable;
        }

        @Override
        public int getNumberOfRetries() {
            return 0;
        }

        @Override
        public void signalFailedWithKnownReason(Throwable reason) {
            failure = reason;
        }

        @Override
        public void signalFailedWithUnknownReason(Throwable reason) {
            failure = reason;
        }

        @Override
        public void retryLater() {
            failure = new AssertionError("asked to come again");
        }

        @Override
        public void updateAndRetryLater(KafkaCommittable changed) {
            retryLater();
        }

        @Override
        public void signalAlreadyCommitted() {}
    }
}
