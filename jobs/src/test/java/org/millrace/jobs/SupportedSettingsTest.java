// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SupportedSettingsTest {
    private static final String DIRECTORY = "execution.checkpointing.dir";

    @Test
    void jobWithACheckpointDirectoryIsTaken() {
        assertThatCode(() -> check("")).doesNotThrowAnyException();
        assertThatCode(() -> check("execution.checkpointing.storage=filesystem"))
                .doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource({
        "execution.runtime-mode=BATCH",
        "execution.checkpointing.storage=jobmanager",
        "execution.checkpointing.interval=0",
        "execution.checkpointing.mode=AT_LEAST_ONCE",
        "pipeline.operator-chaining.enabled=false"
    })
    void refusedByName(String setting) {
        assertThatThrownBy(() -> check(setting))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(setting.substring(0, setting.indexOf('=') + 1));
    }

    @Test
    void heapOfTheJobManagerIsRefusedBeforeAnythingElseIsAsked() {
        Configuration config = new Configuration();
        assertThatThrownBy(() -> GenerationJob.build(new StreamExecutionEnvironment(config)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(DIRECTORY + " is not set");
        config.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        assertThatThrownBy(() -> SupportedSettings.check(config(config)))
                .hasMessageContaining(DIRECTORY + " is not set");
    }

    @ParameterizedTest
    @CsvSource({
        "execution.checkpointing.interval=0",
        "execution.checkpointing.mode=AT_LEAST_ONCE",
        "pipeline.operator-chaining.enabled=false"
    })
    void atLeastOnceBreaksNoPromise(String setting) {
        assertThatCode(() -> check(setting, "millrace.delivery=at-least-once"))
                .doesNotThrowAnyException();
    }

    private static void check(String... settings) {
        Configuration config = new Configuration();
        config.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "s3://bucket/checkpoints");
        for (String setting : settings) {
            if (!setting.isEmpty()) {
                int end = setting.indexOf('=');
                config.setString(setting.substring(0, end), setting.substring(end + 1));
            }
        }
        SupportedSettings.check(config(config));
    }

    /** With the job's defaults, as it is checked. */
    private static Configuration config(Configuration configured) {
        Configuration config = new Configuration(configured);
        config.addAll(JobDefaults.missingIn(configured));
        return config;
    }
}
