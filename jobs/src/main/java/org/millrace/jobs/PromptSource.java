// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.millrace.jobs.decode.RawRecord;

/** Reads the prompts topic; its offsets are part of each checkpoint. */
final class PromptSource {
    private static final Duration OUT_OF_ORDERNESS = Duration.ofMinutes(1);

    /** After so long without a record a partition holds back the others' time no longer. */
    private static final Duration IDLENESS = Duration.ofMinutes(1);

    private static final String MAX_POLL_RECORDS = "32";

    private PromptSource() {}

    static KafkaSource<RawRecord> of(ReadableConfig config, KafkaTopics topics, Properties kafka) {
        Properties properties = new Properties();
        properties.setProperty("isolation.level", "read_committed");
        // Offsets are committed with the next poll, which is when most of these are taken in.
        properties.setProperty("max.poll.records", MAX_POLL_RECORDS);
        kafka.stringPropertyNames()
                .forEach(name -> properties.setProperty(name, kafka.getProperty(name)));
        Duration discovery = config.get(MillraceOptions.PARTITION_DISCOVERY);
        properties.setProperty(
                "partition.discovery.interval.ms",
                Long.toString(discovery.isZero() ? -1 : discovery.toMillis()));
        return KafkaSource.<RawRecord>builder()
                .setProperties(properties)
                .setTopics(topics.prompts())
                .setGroupId(config.get(MillraceOptions.GROUP_ID))
                .setStartingOffsets(startOffsets(config.get(MillraceOptions.START_OFFSETS)))
                .setDeserializer(new RawRecordDeserializer())
                .build();
    }

    /**
     * Event time by Kafka timestamps, for the ages of sessions. A broker's timestamps ascend in
     * each partition; a client's may be behind by a minute.
     */
    static WatermarkStrategy<RawRecord> watermarks(boolean logAppendTime) {
        WatermarkStrategy<RawRecord> strategy =
                logAppendTime
                        ? WatermarkStrategy.forMonotonousTimestamps()
                        : WatermarkStrategy.forBoundedOutOfOrderness(OUT_OF_ORDERNESS);
        return strategy.withIdleness(IDLENESS);
    }

    @SuppressWarnings("deprecation") // The connector's own signature asks for the deprecated enum.
    private static OffsetsInitializer startOffsets(MillraceOptions.StartOffsets start) {
        return switch (start) {
            case EARLIEST -> OffsetsInitializer.earliest();
            case LATEST -> OffsetsInitializer.latest();
            case COMMITTED -> OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST);
        };
    }
}
