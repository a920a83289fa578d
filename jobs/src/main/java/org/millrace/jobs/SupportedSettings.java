// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.core.execution.CheckpointingMode;

/**
 * Refuses, by name, settings of Flink under which a generation job would run and silently break its
 * promises.
 */
final class SupportedSettings {
    private static final String JOB_MANAGER_STORAGE = "jobmanager";

    private SupportedSettings() {}

    /**
     * Looks at all of them.
     *
     * @throws IllegalArgumentException naming the first that is refused, and what to set instead
     */
    static void check(ReadableConfig config) {
        checkMode(config);
        if (CheckpointingOptions.isCheckpointingEnabled(Configuration.fromMap(config.toMap()))) {
            checkStorage(config);
        }
        if (config.get(MillraceOptions.DELIVERY) == MillraceOptions.Delivery.EXACTLY_ONCE) {
            checkExactlyOnce(config);
        }
    }

    private static void checkMode(ReadableConfig config) {
        if (config.get(ExecutionOptions.RUNTIME_MODE) != RuntimeExecutionMode.STREAMING) {
            throw refused(
                    config,
                    ExecutionOptions.RUNTIME_MODE,
                    "batch mode clears keyed state between keys, so sessions cannot share a batch;"
                            + " leave it at STREAMING, also for a topic that ends");
        }
    }

    /** The JobManager's heap takes 5 MiB of a subtask's state, and then no checkpoint completes. */
    private static void checkStorage(ReadableConfig config) {
        String storage = config.get(CheckpointingOptions.CHECKPOINT_STORAGE);
        if (JOB_MANAGER_STORAGE.equalsIgnoreCase(storage)) {
            throw refused(
                    config,
                    CheckpointingOptions.CHECKPOINT_STORAGE,
                    "the JobManager's heap has no room for the caches of sessions; leave it out, and"
                            + " set "
                            + CheckpointingOptions.CHECKPOINTS_DIRECTORY.key()
                            + " to a directory that all processes of the cluster reach");
        }
        boolean isOwnStorage = storage != null && !storage.equalsIgnoreCase("filesystem");
        if (!isOwnStorage
                && config.getOptional(CheckpointingOptions.CHECKPOINTS_DIRECTORY).isEmpty()) {
            throw new IllegalArgumentException(
                    CheckpointingOptions.CHECKPOINTS_DIRECTORY.key()
                            + " is not set: without it checkpoints go to the JobManager's heap, which"
                            + " has no room for the caches of sessions; set it in Flink's"
                            + " configuration where the job is submitted, or as -D"
                            + CheckpointingOptions.CHECKPOINTS_DIRECTORY.key()
                            + "=URI, to a directory that all processes of the cluster reach");
        }
    }

    private static void checkExactlyOnce(ReadableConfig config) {
        if (!CheckpointingOptions.isCheckpointingEnabled(Configuration.fromMap(config.toMap()))) {
            throw refused(
                    config,
                    CheckpointingOptions.CHECKPOINTING_INTERVAL,
                    "without checkpoints no answer becomes visible; leave it out, or set "
                            + orAtLeastOnce());
        }
        if (config.get(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE)
                != CheckpointingMode.EXACTLY_ONCE) {
            throw refused(
                    config,
                    CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE,
                    "after a failure prompts would be answered twice; leave it out, or set "
                            + orAtLeastOnce());
        }
        if (!config.get(PipelineOptions.OPERATOR_CHAINING)) {
            throw refused(
                    config,
                    PipelineOptions.OPERATOR_CHAINING,
                    "answers are sent once only by an operator that is chained to its sink; leave it"
                            + " at true, or set "
                            + orAtLeastOnce());
        }
    }

    private static String orAtLeastOnce() {
        return MillraceOptions.DELIVERY.key() + "=" + MillraceOptions.Delivery.AT_LEAST_ONCE;
    }

    private static IllegalArgumentException refused(
            ReadableConfig config, ConfigOption<?> option, String why) {
        return new IllegalArgumentException(option.key() + "=" + config.get(option) + ": " + why);
    }
}
