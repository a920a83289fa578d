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
        topic = cluster.newJob().get(MillraceOptions.COMPLETIONS_TOPIC);
        kafka = cluster.kafka();
        kafka.setProperty("key.serializer", ByteArraySerializer.class.getName());
        kafka.setProperty("value.serializer", ByteArraySerializer.class.getName());
        committer =
                new WatchedCommitter(
                        new KafkaCommitter(
                                kafka, "test", 0, 0, false, FlinkKafkaInternalProducer::new),
                        cluster.kafka(),
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
        try (FlinkKafkaInternalProducer<byte[], byte[]> producer = written("test-aborted");
                FlinkKafkaInternalProducer<byte[], byte[]> other =
                        new FlinkKafkaInternalProducer<>(kafka, "test-aborted")) {
            other.initTransactions();
            commit(KafkaCommittable.of(producer));
        }
        assertThat(lost.getCount()).isEqualTo(1);
        assertThat(request.failure).isNotNull();
    }

    @Test
    void transactionThatWasCommittedBeforeIsNot() throws Exception {
        try (FlinkKafkaInternalProducer<byte[], byte[]> producer = written("test-committed")) {
            KafkaCommittable committable =
                    new KafkaCommittable(
                            producer.getProducerId(), producer.getEpoch(), "test-committed", null);
            producer.commitTransaction();
            commit(committable);
        }
        assertThat(lost.getCount()).isZero();
        assertThat(request.failure).isNull();
    }

    private FlinkKafkaInternalProducer<byte[], byte[]> written(String transaction)
            throws Exception {
        FlinkKafkaInternalProducer<byte[], byte[]> producer =
                new FlinkKafkaInternalProducer<>(kafka, transaction);
        producer.initTransactions();
        producer.beginTransaction();
        byte[] value = "value".getBytes(StandardCharsets.UTF_8);
        producer.send(new ProducerRecord<>(topic, value)).get();
        return producer;
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
