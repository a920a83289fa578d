// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ClusterOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.HeartbeatManagerOptions;
import org.apache.flink.configuration.HighAvailabilityOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.WebOptions;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessSpec;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;
import org.apache.flink.runtime.highavailability.JobResultStoreOptions;
import org.apache.flink.runtime.jobmanager.JobManagerProcessSpec;
import org.apache.flink.runtime.jobmanager.JobManagerProcessUtils;
import org.apache.flink.runtime.util.config.memory.ProcessMemoryUtils;

/**
 * Configuration of the Flink processes: highly available, small, and quick to notice a failure.
 * Flink's scripts, which do not come with Maven, would turn the memory settings into flags of the
 * JVM; here that is done by the same classes that the scripts ask.
 */
final class FlinkConfiguration {
    static final int SLOTS = 2;
    private static final Duration HEARTBEAT = Duration.ofSeconds(1);
    private static final Duration HEARTBEAT_TIMEOUT = Duration.ofSeconds(6);
    private static final Duration SESSION_TIMEOUT = Duration.ofSeconds(5);

    private final Configuration config;

    FlinkConfiguration(Configuration config) {
        this.config = new Configuration(config);
    }

    /**
     * @param modelBytes size of the model file, which a TaskManager keeps in native memory
     * @param managedMemory of one TaskManager, pages and RocksDB
     */
    static FlinkConfiguration of(ClusterLayout layout, long modelBytes, MemorySize managedMemory) {
        Configuration config = new Configuration();
        addHighAvailability(config, layout);
        addAddresses(config, layout);
        addFailureDetection(config);
        addMemory(config, modelBytes, managedMemory);
        config.set(CoreOptions.TMP_DIRS, layout.temporary().toString());
        config.set(
                CheckpointingOptions.CHECKPOINTS_DIRECTORY,
                layout.checkpoints().toUri().toString());
        return new FlinkConfiguration(config);
    }

    @SuppressWarnings("deprecation") // The option that is to replace it does not keep job results.
    private static void addHighAvailability(Configuration config, ClusterLayout layout) {
        config.set(HighAvailabilityOptions.HA_MODE, "zookeeper");
        config.set(
                HighAvailabilityOptions.HA_ZOOKEEPER_QUORUM,
                Ports.HOST + ":" + layout.zooKeeperPort());
        config.set(
                HighAvailabilityOptions.HA_STORAGE_PATH,
                layout.highAvailability().toUri().toString());
        config.set(HighAvailabilityOptions.HA_CLUSTER_ID, "chaos");
        config.set(HighAvailabilityOptions.ZOOKEEPER_SESSION_TIMEOUT, SESSION_TIMEOUT);
        config.set(JobResultStoreOptions.STORAGE_PATH, layout.jobResults().toUri().toString());
        // The only trace of a job that ended while the JobManager was killed.
        config.set(JobResultStoreOptions.DELETE_ON_COMMIT, false);
    }

    private static void addAddresses(Configuration config, ClusterLayout layout) {
        config.set(JobManagerOptions.ADDRESS, Ports.HOST);
        config.set(JobManagerOptions.BIND_HOST, Ports.HOST);
        config.set(RestOptions.ADDRESS, Ports.HOST);
        config.set(RestOptions.BIND_ADDRESS, Ports.HOST);
        config.set(RestOptions.PORT, layout.restPort());
        config.set(RestOptions.BIND_PORT, Integer.toString(layout.restPort()));
        config.set(TaskManagerOptions.HOST, Ports.HOST);
        config.set(TaskManagerOptions.BIND_HOST, Ports.HOST);
    }

    private static void addFailureDetection(Configuration config) {
        config.set(HeartbeatManagerOptions.HEARTBEAT_INTERVAL, HEARTBEAT);
        config.set(HeartbeatManagerOptions.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT);
        config.set(ClusterOptions.ERROR_REGISTRATION_DELAY, Duration.ofMillis(500));
        config.set(ClusterOptions.MAX_REGISTRATION_TIMEOUT, Duration.ofSeconds(2));
        config.set(
                RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_INITIAL_BACKOFF,
                Duration.ofMillis(200));
        config.set(
                RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_MAX_BACKOFF,
                Duration.ofSeconds(1));
        // Shown states are not older than this.
        config.set(WebOptions.REFRESH_INTERVAL, Duration.ofMillis(20));
        config.set(WebOptions.CHECKPOINTS_HISTORY_SIZE, 100);
    }

    private static void addMemory(Configuration config, long modelBytes, MemorySize managedMemory) {
        config.set(JobManagerOptions.TOTAL_PROCESS_MEMORY, MemorySize.ofMebiBytes(600));
        config.set(JobManagerOptions.JVM_METASPACE, MemorySize.ofMebiBytes(128));
        config.set(TaskManagerOptions.NUM_TASK_SLOTS, SLOTS);
        config.set(
                TaskManagerOptions.TASK_MANAGER_LOAD_BALANCE_MODE,
                TaskManagerOptions.TaskManagerLoadBalanceMode.SLOTS);
        config.set(TaskManagerOptions.FRAMEWORK_HEAP_MEMORY, MemorySize.ofMebiBytes(96));
        // Slow kernels keep their pages here, and one TaskManager may have to run the whole job.
        config.set(TaskManagerOptions.TASK_HEAP_MEMORY, MemorySize.ofMebiBytes(512));
        config.set(TaskManagerOptions.FRAMEWORK_OFF_HEAP_MEMORY, MemorySize.ofMebiBytes(64));
        config.set(
                TaskManagerOptions.TASK_OFF_HEAP_MEMORY,
                new MemorySize(modelBytes).add(MemorySize.ofMebiBytes(128)));
        config.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(32));
        config.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(32));
        config.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, managedMemory);
        config.set(TaskManagerOptions.JVM_METASPACE, MemorySize.ofMebiBytes(160));
    }

    /** A copy. */
    Configuration toConfiguration() {
        return new Configuration(config);
    }

    /** Writes {@code config.yaml}, which all Flink processes read. */
    void write(Path directory) throws IOException {
        List<String> lines = new ArrayList<>();
        for (Map.Entry<String, String> option : new TreeMap<>(config.toMap()).entrySet()) {
            lines.add(option.getKey() + ": '" + option.getValue().replace("'", "''") + "'");
        }
        Files.write(directory.resolve("config.yaml"), lines);
    }

    List<String> jobManagerJvmOptions() {
        JobManagerProcessSpec spec = JobManagerProcessUtils.processSpecFromConfig(config);
        return words(JobManagerProcessUtils.generateJvmParametersStr(spec, config));
    }

    List<String> jobManagerArguments(Path directory) {
        JobManagerProcessSpec spec = JobManagerProcessUtils.processSpecFromConfig(config);
        return arguments(directory, JobManagerProcessUtils.generateDynamicConfigsStr(spec));
    }

    List<String> taskManagerJvmOptions() {
        return words(ProcessMemoryUtils.generateJvmParametersStr(taskManagerSpec()));
    }

    List<String> taskManagerArguments(Path directory) {
        return arguments(
                directory, TaskExecutorProcessUtils.generateDynamicConfigsStr(taskManagerSpec()));
    }

    private TaskExecutorProcessSpec taskManagerSpec() {
        return TaskExecutorProcessUtils.processSpecFromConfig(config);
    }

    private static List<String> arguments(Path directory, String dynamicOptions) {
        List<String> arguments = new ArrayList<>(List.of("--configDir", directory.toString()));
        arguments.addAll(words(dynamicOptions));
        return arguments;
    }

    private static List<String> words(String line) {
        return Arrays.stream(line.trim().split("\\s+")).toList();
    }
}
