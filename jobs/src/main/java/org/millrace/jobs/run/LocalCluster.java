package org.millrace.jobs.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.WebOptions;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.millrace.jobs.GenerationJob;

/**
 * A Flink cluster in this process, with its web UI, for generation jobs. Files go under a work
 * directory. Closing cancels what still runs.
 */
public final class LocalCluster implements AutoCloseable {
    private static final MemorySize MANAGED_MEMORY_PER_SLOT = MemorySize.ofMebiBytes(1024);

    /** In the work directory: ids of the jobs that ran there, one a line. */
    private static final String JOBS_FILE = "jobs";

    private final MiniCluster cluster;
    private final Configuration config;
    private final Path workDirectory;

    private LocalCluster(MiniCluster cluster, Configuration config, Path workDirectory) {
        this.cluster = cluster;
        this.config = config;
        this.workDirectory = workDirectory;
    }

    /**
     * Starts a cluster with as many slots as the job's parallelism.
     *
     * @param options options of job and cluster; what they leave open gets a default
     */
    public static LocalCluster start(Configuration options, Path workDirectory) throws Exception {
        Configuration config = new Configuration(options);
        int slots = config.get(CoreOptions.DEFAULT_PARALLELISM);
        set(config, CoreOptions.DEFAULT_PARALLELISM, slots);
        set(config, CoreOptions.TMP_DIRS, workDirectory.resolve("tmp").toString());
        set(config, CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpoints(config, workDirectory));
        // The JobManager reads this from its own configuration, not from the job's.
        set(config, CheckpointingOptions.MAX_RETAINED_CHECKPOINTS, 3);
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
        MiniCluster cluster =
                new MiniCluster(
                        new MiniClusterConfiguration.Builder()
                                .setConfiguration(config)
                                .setNumTaskManagers(1)
                                .setNumSlotsPerTaskManager(slots)
                                .build());
        cluster.start();
        return new LocalCluster(cluster, config, workDirectory);
    }

    private static String checkpoints(Configuration config, Path workDirectory) {
        return config.getOptional(CheckpointingOptions.CHECKPOINTS_DIRECTORY)
                .orElseGet(() -> workDirectory.resolve("checkpoints").toUri().toString());
    }

    private static Path savepoints(Path workDirectory) {
        return workDirectory.resolve("savepoints");
    }

    /**
     * The newest checkpoint or savepoint that a job of the work directory has left, in the
     * directory of checkpoints that the options name or in the work directory; null if there is
     * none.
     */
    static String newestCheckpoint(Configuration options, Path workDirectory) throws IOException {
        List<org.apache.flink.core.fs.Path> candidates =
                new ArrayList<>(children(flinkPath(savepoints(workDirectory))));
        Path jobs = workDirectory.resolve(JOBS_FILE);
        if (Files.exists(jobs)) {
            String checkpoints = checkpoints(options, workDirectory);
            // Other jobs may have theirs beside them.
            for (String job : Files.readAllLines(jobs)) {
                candidates.addAll(children(new org.apache.flink.core.fs.Path(checkpoints, job)));
            }
        }
        org.apache.flink.core.fs.Path newest = null;
        long newestMillis = Long.MIN_VALUE;
        for (org.apache.flink.core.fs.Path candidate : candidates) {
            org.apache.flink.core.fs.Path metadata =
                    new org.apache.flink.core.fs.Path(candidate, "_metadata");
            FileSystem files = metadata.getFileSystem();
            if (files.exists(metadata)) {
                long millis = files.getFileStatus(metadata).getModificationTime();
                if (millis > newestMillis) {
                    newest = candidate;
                    newestMillis = millis;
                }
            }
        }
        return newest == null ? null : newest.toString();
    }

    private static List<org.apache.flink.core.fs.Path> children(
            org.apache.flink.core.fs.Path directory) throws IOException {
        FileSystem files = directory.getFileSystem();
        if (!files.exists(directory)) {
            return List.of();
        }
        return Arrays.stream(files.listStatus(directory)).map(FileStatus::getPath).toList();
    }

    private static org.apache.flink.core.fs.Path flinkPath(Path path) {
        return new org.apache.flink.core.fs.Path(path.toUri());
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
        Files.writeString(
                workDirectory.resolve(JOBS_FILE),
                graph.getJobID() + "\n",
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
        JobID job = cluster.submitJob(graph).get().getJobID();
        return new RunningJob(cluster, job, savepoints(workDirectory));
    }

    @Override
    public void close() {
        cluster.closeAsync().join();
    }
}
