// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.time.Duration;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.state.rocksdb.RocksDBConfigurableOptions;
import org.apache.flink.state.rocksdb.RocksDBOptions;

/** Flink options that a generation job sets where nobody else has. */
final class JobDefaults {
    private JobDefaults() {}

    /** The defaults that {@code configured} leaves open. */
    static Configuration missingIn(ReadableConfig configured) {
        Configuration defaults = new Configuration();
        add(defaults, configured, PipelineOptions.NAME, "millrace");
        add(defaults, configured, PipelineOptions.OBJECT_REUSE, true);
        // Everything that flows has a serializer of its own; Kryo would be an accident.
        add(defaults, configured, PipelineOptions.GENERIC_TYPES, false);
        // It can never change without losing the state, so it is not left to follow from the
        // parallelism.
        add(defaults, configured, PipelineOptions.MAX_PARALLELISM, 128);
        add(defaults, configured, ExecutionOptions.BUFFER_TIMEOUT, Duration.ofMillis(20));
        add(defaults, configured, StateBackendOptions.STATE_BACKEND, "rocksdb");
        add(defaults, configured, CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
        add(defaults, configured, RocksDBOptions.OPTIONS_FACTORY, WriteOnceOptions.class.getName());
        // What is left in a buffer is flushed while the task waits at a checkpoint's barrier.
        add(
                defaults,
                configured,
                RocksDBConfigurableOptions.WRITE_BUFFER_SIZE,
                MemorySize.ofMebiBytes(16));
        add(defaults, configured, RocksDBConfigurableOptions.MAX_WRITE_BUFFER_NUMBER, 4);
        // An entry is looked for in every file of the first level.
        add(defaults, configured, RocksDBConfigurableOptions.USE_BLOOM_FILTER, true);
        add(
                defaults,
                configured,
                CheckpointingOptions.CHECKPOINTING_INTERVAL,
                Duration.ofSeconds(1));
        add(
                defaults,
                configured,
                CheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS,
                Duration.ofMillis(500));
        add(defaults, configured, CheckpointingOptions.ENABLE_UNALIGNED, true);
        add(
                defaults,
                configured,
                CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
                ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
        // A failed checkpoint costs nothing; a job that fails over because of one computes again
        // what it had done since the last.
        add(defaults, configured, CheckpointingOptions.TOLERABLE_FAILURE_NUMBER, Integer.MAX_VALUE);
        add(defaults, configured, RestartStrategyOptions.RESTART_STRATEGY, "exponential-delay");
        return defaults;
    }

    private static <T> void add(
            Configuration defaults, ReadableConfig configured, ConfigOption<T> option, T value) {
        if (configured.getOptional(option).isEmpty()) {
            defaults.set(option, value);
        }
    }
}
