// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.HeartbeatManagerOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessSpec;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FlinkConfigurationTest {
    @TempDir private Path directory;

    @Test
    void theDocumentedConfigurationHasRoomForTasksAndNoPlaceOfItsOwn() throws Exception {
        ClusterLayout layout = ClusterLayout.create(directory, directory.resolve("checkpoints"));
        Configuration config = FlinkConfiguration.of(layout).toConfiguration();
        assertThat(config.get(HeartbeatManagerOptions.HEARTBEAT_TIMEOUT))
                .isEqualTo(Duration.ofSeconds(6));
        assertThat(config.toMap().values())
                .noneMatch(value -> value.matches(".*(_HOST|SHARED_STORAGE).*"));
        TaskExecutorProcessSpec spec = TaskExecutorProcessUtils.processSpecFromConfig(config);
        assertThat(spec.getTaskHeapSize().getMebiBytes()).isGreaterThanOrEqualTo(400);
        assertThat(config.contains(TaskManagerOptions.TOTAL_PROCESS_MEMORY)).isTrue();
    }
}
