// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.millrace.e2e.RecoveryITCase.checkpointsOf;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.millrace.cli.run.RunningJob;
import org.millrace.jobs.MillraceOptions;
import org.millrace.jobs.OtherJobException;
import org.millrace.jobs.TopicScan;

/** What a job finds when it starts that is not as its state has it: another job, another topic. */
@ExtendWith(TestCluster.Extension.class)
class SecondJobITCase {
    @Test
    void sameJobIsRefusedWhileTheFirstRuns(TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        String name = config.toMap().get("pipeline.name");
        RunningJob first = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            outputs.await(first, o -> checkpointsOf(first) >= 1);
            String id;
            try (FlinkClient flink = new FlinkClient(cluster.webAddress(), name)) {
                id = flink.jobId();
            }
            assertThatThrownBy(() -> cluster.submit(config))
                    .isInstanceOf(OtherJobException.class)
                    .hasMessageContaining("job=" + id);
            first.checkRunning();

            Configuration atLeastOnce = new Configuration(config);
            atLeastOnce.set(MillraceOptions.DELIVERY, MillraceOptions.Delivery.AT_LEAST_ONCE);
            cluster.submit(atLeastOnce).cancel();
            Configuration other = new Configuration(config);
            other.setString("pipeline.name", name + "-other");
            cluster.submit(other).cancel();

            String savepoint = first.stop();
            config.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
            long startNanos = System.nanoTime();
            RunningJob second = cluster.submit(config);
            assertThat(Duration.ofNanos(System.nanoTime() - startNanos))
                    .as("a job that has ended is not waited for")
                    .isLessThan(Duration.ofSeconds(5));
            cluster.publish(config.get(MillraceOptions.PROMPTS_TOPIC), 2, 5);
            outputs.await(second, o -> o.completions.size() >= 2);
        }
    }

    /** A member that the broker drops after a while, as it does when a process has been killed. */
    @Test
    void jobThatHasDiedIsWaitedFor(TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        String topic = config.get(MillraceOptions.COMPLETIONS_TOPIC);
        Properties properties = cluster.kafka();
        properties.setProperty("group.id", config.toMap().get("pipeline.name") + "-" + topic);
        properties.setProperty("client.id", "millrace-job-dead");
        properties.setProperty("max.poll.interval.ms", "4000");
        try (KafkaConsumer<byte[], byte[]> dead =
                new KafkaConsumer<>(
                        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            dead.subscribe(List.of(topic));
            while (dead.assignment().isEmpty()) {
                dead.poll(Duration.ofMillis(100));
            }
            long startNanos = System.nanoTime();
            RunningJob job = cluster.submit(config);
            assertThat(Duration.ofNanos(System.nanoTime() - startNanos))
                    .isGreaterThan(Duration.ofSeconds(2));
            job.awaitRunning();
        }
    }

    @Test
    void sessionInTwoPartitionsIsCountedOrRefused(TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        config.set(MillraceOptions.SESSION_PARTITIONS, MillraceOptions.SessionPartitions.COUNT);
        RunningJob counting = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            publishToTwoPartitions(cluster, config);
            outputs.await(counting, o -> !o.completions.isEmpty() && checkpointsOf(counting) >= 2);
            counting.cancel();
            config.set(MillraceOptions.SESSION_PARTITIONS, MillraceOptions.SessionPartitions.FAIL);
            config.setString("pipeline.name", config.toMap().get("pipeline.name") + "-again");
            RunningJob failing = cluster.submit(config);
            assertThatThrownBy(() -> outputs.await(failing, o -> o.completions.size() > 9))
                    .hasStackTraceContaining("session=session-0 has a prompt at");
        }
    }

    private static void publishToTwoPartitions(TestCluster cluster, Configuration config)
            throws Exception {
        String topic = config.get(MillraceOptions.PROMPTS_TOPIC);
        cluster.publish(topic, 1, 5);
        List<byte[]> values = new ArrayList<>();
        TopicScan.scan(cluster.kafka(), topic, record -> values.add(record.value()));
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        cluster.kafka(), new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int partition = 0; partition < TestCluster.SLOTS; partition++) {
                producer.send(
                                new ProducerRecord<>(
                                        topic,
                                        partition,
                                        "session-0".getBytes(UTF_8),
                                        values.get(0)))
                        .get();
            }
        }
    }

    @Test
    void promptsTopicThatWasMadeAnewIsRefused(TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
        String topic = config.get(MillraceOptions.PROMPTS_TOPIC);
        RunningJob first = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config);
                Admin admin = Admin.create(cluster.kafka())) {
            cluster.publish(topic, 3, 5);
            outputs.await(first, o -> o.completions.size() >= 3);
            config.set(StateRecoveryOptions.SAVEPOINT_PATH, first.stop());
            admin.deleteTopics(List.of(topic)).all().get();
            RunningJob refused = cluster.submit(config);
            cluster.publish(topic, 9, 5);
            assertThatThrownBy(() -> outputs.await(refused, o -> o.completions.size() > 3))
                    .hasStackTraceContaining("TopicChangedException")
                    .hasStackTraceContaining("topic=" + topic);
            assertThat(outputs.completions).hasSize(3);

            config.set(MillraceOptions.ALLOW_TOPIC_CHANGE, true);
            RunningJob allowed = cluster.submit(config);
            outputs.await(allowed, o -> checkpointsOf(allowed) >= 2);
        }
    }
}
