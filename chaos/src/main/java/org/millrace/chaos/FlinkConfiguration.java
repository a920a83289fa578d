// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.GlobalConfiguration;
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
import org.millrace.jobs.FlinkPaths;

/**
 * Configuration of the Flink processes: highly available, and quick to notice a failure. Flink's
 * scripts, which do not come with Maven, would turn the memory settings into flags of the JVM; here
 * that is done by the same classes that the scripts ask.
 */
final class FlinkConfiguration {
    private static final String FILE = GlobalConfiguration.FLINK_CONF_FILENAME;

    private final Configuration config;

    FlinkConfiguration(Configuration config) {
        this.config = new Configuration(config);
    }

    /** The documented one, {@code config.yaml} beside this class, with the places of a layout. */
    static FlinkConfiguration of(ClusterLayout layout) throws IOException {
        Configuration config = documented(layout.configuration());
        addHighAvailability(config, layout);
        addAddresses(config, layout);
        config.set(CoreOptions.TMP_DIRS, layout.temporary().toString());
        config.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, FlinkPaths.of(layout.checkpoints()));
        config.set(CheckpointingOptions.SAVEPOINT_DIRECTORY, FlinkPaths.of(layout.savepoints()));
        return new FlinkConfiguration(config);
    }

    private static Configuration documented(Path directory) throws IOException {
        try (InputStream in = FlinkConfiguration.class.getResourceAsStream(FILE)) {
            Files.copy(in, directory.resolve(FILE), StandardCopyOption.REPLACE_EXISTING);
        }
        return GlobalConfiguration.loadConfiguration(directory.toString());
    }

    /**
     * The same for a small machine, slow kernels and one fault after the other, and with states
     * shown as they are.
     *
     * @param modelBytes size of the model file, which a TaskManager keeps in native memory
     * @param managedMemory of one TaskManager, pages and RocksDB
     */
    FlinkConfiguration small(long modelBytes, MemorySize managedMemory) {
        Configuration small = toConfiguration();
        small.removeConfig(TaskManagerOptions.TOTAL_PROCESS_MEMORY);
        addMemory(small, modelBytes, managedMemory);
        small.set(
                RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_MAX_BACKOFF,
                Duration.ofSeconds(1));
        // Shown states are not older than this.
        small.set(WebOptions.REFRESH_INTERVAL, Duration.ofMillis(20));
        small.set(WebOptions.CHECKPOINTS_HISTORY_SIZE, 100);
        return new FlinkConfiguration(small);
    }

    @SuppressWarnings("deprecation") // The option that is to replace it does not keep job results.
    private static void addHighAvailability(Configuration config, ClusterLayout layout) {
        config.set(
                HighAvailabilityOptions.HA_ZOOKEEPER_QUORUM,
                Ports.HOST + ":" + layout.zooKeeperPort());
        config.set(
                HighAvailabilityOptions.HA_STORAGE_PATH, FlinkPaths.of(layout.highAvailability()));
        config.set(HighAvailabilityOptions.HA_CLUSTER_ID, "chaos");
        config.set(JobResultStoreOptions.STORAGE_PATH, FlinkPaths.of(layout.jobResults()));
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

    private static void addMemory(Configuration config, long modelBytes, MemorySize managedMemory) {
        config.set(JobManagerOptions.TOTAL_PROCESS_MEMORY, MemorySize.ofMebiBytes(600));
        config.set(JobManagerOptions.JVM_METASPACE, MemorySize.ofMebiBytes(128));
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
        Files.write(directory.resolve(FILE), lines);
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
