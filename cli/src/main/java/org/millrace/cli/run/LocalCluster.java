// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ConfigurationUtils;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.WebOptions;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.millrace.jobs.FlinkPaths;
import org.millrace.jobs.GenerationJob;

/**
 * A Flink cluster in this process, with its web UI, for generation jobs. Files go under a work
 * directory. Closing cancels what still runs.
 */
public final class LocalCluster implements AutoCloseable {
    private static final MemorySize MANAGED_MEMORY_PER_SLOT = MemorySize.ofMebiBytes(1024);

    private final MiniCluster cluster;
    private final Configuration config;
    private final WorkDirectory directory;

    private LocalCluster(MiniCluster cluster, Configuration config, WorkDirectory directory) {
        this.cluster = cluster;
        this.config = config;
        this.directory = directory;
    }

    /**
     * Starts a cluster with as many slots as the job's parallelism.
     *
     * @param options options of job and cluster; what they leave open gets a default
     */
    public static LocalCluster start(Configuration options, WorkDirectory directory)
            throws Exception {
        Configuration config = new Configuration(options);
        int slots = config.get(CoreOptions.DEFAULT_PARALLELISM);
        set(config, CoreOptions.DEFAULT_PARALLELISM, slots);
        set(config, CoreOptions.TMP_DIRS, directory.temporaryFiles().toString());
        set(config, CheckpointingOptions.CHECKPOINTS_DIRECTORY, directory.checkpoints(config));
        // The JobManager reads this from its own configuration, not from the job's.
        set(config, CheckpointingOptions.MAX_RETAINED_CHECKPOINTS, Snapshots.RETAINED);
        // Whoever reaches the web UI may cancel the job.
        set(config, RestOptions.BIND_ADDRESS, "localhost");
        set(config, JobManagerOptions.BIND_HOST, "localhost");
        set(config, RestOptions.BIND_PORT, "8081-8181");
        set(config, WebOptions.SUBMIT_ENABLE, false);
        set(config, WebOptions.CHECKPOINTS_HISTORY_SIZE, 10_000);
        set(
                config,
                TaskManagerOptions.MANAGED_MEMORY_SIZE,
                MANAGED_MEMORY_PER_SLOT.multiply(slots));
        // Prompts that cannot be taken in yet wait in Kafka, not in buffers that each checkpoint
        // writes and each savepoint waits for.
        set(config, TaskManagerOptions.BUFFER_DEBLOAT_ENABLED, true);
        set(
                config,
                RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_INITIAL_BACKOFF,
                Duration.ofMillis(500));
        for (String temporary : ConfigurationUtils.parseTempDirectories(config)) {
            FlinkPaths.checkLoadable(Path.of(temporary));
        }
        MiniCluster cluster =
                new MiniCluster(
                        new MiniClusterConfiguration.Builder()
                                .setConfiguration(config)
                                .setNumTaskManagers(1)
                                .setNumSlotsPerTaskManager(slots)
                                .build());
        cluster.start();
        return new LocalCluster(cluster, config, directory);
    }

    private static <T> void set(Configuration config, ConfigOption<T> option, T value) {
        if (!config.contains(option)) {
            config.set(option, value);
        }
    }

    /** Address of the web UI. */
    public String webAddress() throws Exception {
        return cluster.getRestAddress().get().toString();
    }

    /**
     * Starts a generation job.
     *
     * @param options the job's, over those of the cluster
     */
    public RunningJob submit(Configuration options) throws Exception {
        Configuration jobConfig = new Configuration(config);
        jobConfig.addAll(options);
        StreamExecutionEnvironment env = new StreamExecutionEnvironment(jobConfig);
        GenerationJob.build(env);
        JobGraph graph = env.getStreamGraph().getJobGraph();
        // Before its first checkpoint.
        directory.addJob(graph.getJobID());
        JobID job = cluster.submitJob(graph).get().getJobID();
        return new RunningJob(cluster, job, directory);
    }

    @Override
    public void close() {
        cluster.closeAsync().join();
    }
}
