// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.millrace.cli.run.RunningJob;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;

/**
 * More prompts than can be answered: the backlog stays in Kafka, checkpoints and a stop do not wait
 * for it, nothing is refused. {@code -Dmillrace.backlog=100000} makes it a measurement; the limits
 * here are those of a busy machine.
 */
@Tag("nightly")
@ExtendWith(TestCluster.Extension.class)
class OverloadITCase {
    private static final int BACKLOG = Integer.getInteger("millrace.backlog", 6_000);
    private static final int MAX_QUEUED = 500;
    private static final int PARALLELISM = 2;
    private static final int CHECKPOINTS = 12;

    @Test
    @Timeout(180)
    void backlogStaysInKafka(TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        config.set(CoreOptions.DEFAULT_PARALLELISM, PARALLELISM);
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(500));
        config.set(MillraceOptions.GROUP_ID, "overload");
        config.set(GenerationOptions.MAX_QUEUED_REQUESTS, MAX_QUEUED);
        // The slow kernels: the backlog has to last.
        config.set(GenerationOptions.KERNELS, "reference");
        cluster.publish(config.get(MillraceOptions.PROMPTS_TOPIC), BACKLOG, 100);
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            outputs.await(
                    job, o -> checkpoints(job).size() >= CHECKPOINTS && !o.completions.isEmpty());
            long lag = lag(cluster, config);
            long startNanos = System.nanoTime();
            job.stop();
            Duration stopping = Duration.ofNanos(System.nanoTime() - startNanos);
            outputs.drain();
            long[] millis =
                    checkpoints(job).stream()
                            .mapToLong(RunningJob.Checkpoint::millis)
                            .sorted()
                            .toArray();
            System.out.printf(
                    "backlog=%d, lag=%d, answered=%d, checkpoints=%d, median=%d ms, longest=%d ms, stop=%d ms%n",
                    BACKLOG,
                    lag,
                    outputs.completions.size(),
                    millis.length,
                    millis[millis.length / 2],
                    millis[millis.length - 1],
                    stopping.toMillis());
            assertThat(outputs.completions).isNotEmpty();
            assertThat(outputs.deadLetters).isEmpty();
            // Whatever was read and not answered waits in state; the rest has not been read.
            assertThat(lag)
                    .isGreaterThan(
                            BACKLOG - outputs.completions.size() - 3L * PARALLELISM * MAX_QUEUED);
            assertThat(lag).isPositive();
            assertThat(millis[millis.length / 2]).isLessThan(5000);
            assertThat(stopping).isLessThan(Duration.ofSeconds(30));
        }
    }

    private static List<RunningJob.Checkpoint> checkpoints(RunningJob job) {
        try {
            return job.checkpoints();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** Records behind the offsets that the group committed, which is what monitoring sees. */
    private static long lag(TestCluster cluster, Configuration config) throws Exception {
        try (Admin admin = Admin.create(cluster.kafka())) {
            Map<TopicPartition, OffsetAndMetadata> committed = Map.of();
            while (committed.isEmpty()) {
                Thread.sleep(100);
                committed =
                        admin.listConsumerGroupOffsets(config.get(MillraceOptions.GROUP_ID))
                                .partitionsToOffsetAndMetadata()
                                .get();
            }
            long lag = BACKLOG;
            for (OffsetAndMetadata offset : committed.values()) {
                lag -= offset.offset();
            }
            return lag;
        }
    }
}
