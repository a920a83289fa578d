// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.millrace.jobs.MillraceOptions;

/**
 * The process group with what belongs to it: a disk for the checkpoints, files, addresses. Closing
 * kills the processes and unmounts the disk; files on other disks stay.
 */
final class ChaosCluster implements AutoCloseable {
    private static final int DISK_MEBIBYTES = 1024;
    private static final MemorySize MANAGED_MEMORY = MemorySize.ofMebiBytes(512);
    private static final Duration START_TIMEOUT = Duration.ofSeconds(180);

    private final ClusterLayout layout;
    private final SmallDisk disk;
    private final FlinkConfiguration flink;
    private final ProcessGroup processes;
    private final FlinkRest rest;

    private ChaosCluster(
            ClusterLayout layout, SmallDisk disk, FlinkConfiguration flink, String classPath)
            throws IOException {
        this.layout = layout;
        this.disk = disk;
        this.flink = flink;
        this.processes = new ProcessGroup(layout, flink, classPath);
        this.rest = new FlinkRest(layout.restPort());
    }

    /**
     * Starts the processes and waits until the TaskManagers are there.
     *
     * @param directory empty; for all files of all processes
     * @param classPath of all processes
     * @param progress takes lines for people
     */
    static ChaosCluster start(
            Path directory, Path model, String classPath, Consumer<String> progress)
            throws Exception {
        Path checkpoints = Files.createDirectories(directory.resolve("checkpoints"));
        SmallDisk disk = mount(checkpoints, progress);
        ClusterLayout layout = ClusterLayout.create(directory, checkpoints);
        ChaosCluster cluster =
                new ChaosCluster(
                        layout,
                        disk,
                        FlinkConfiguration.of(layout, Files.size(model), MANAGED_MEMORY),
                        classPath);
        try {
            cluster.processes.start();
            cluster.await("TaskManagers", cluster::hasAllTaskManagers);
            return cluster;
        } catch (Exception e) {
            cluster.close();
            throw e;
        }
    }

    /** Null if it may not be mounted here. */
    private static SmallDisk mount(Path checkpoints, Consumer<String> progress)
            throws InterruptedException {
        try {
            return SmallDisk.mount(checkpoints, DISK_MEBIBYTES);
        } catch (IOException e) {
            progress.accept(
                    "no full disk among the faults, that takes a file system of its own ("
                            + e.getMessage()
                            + "); try: unshare -Urm ./millrace chaos");
            return null;
        }
    }

    private boolean hasAllTaskManagers() throws InterruptedException {
        return rest.get("/overview").path("taskmanagers").asInt() == ProcessGroup.TASK_MANAGERS;
    }

    /**
     * Waits, and watches the processes meanwhile.
     *
     * @param what for the message
     */
    private void await(String what, Callable<Boolean> condition) throws Exception {
        long deadlineNanos = System.nanoTime() + START_TIMEOUT.toNanos();
        while (!condition.call()) {
            processes.checkAlive();
            if (System.nanoTime() > deadlineNanos) {
                throw new IOException(
                        what
                                + " not up after "
                                + START_TIMEOUT.toSeconds()
                                + " s; see the logs in "
                                + layout.root());
            }
            Thread.sleep(50);
        }
    }

    /**
     * Submits a job and waits until it runs.
     *
     * @param options what concerns the job and not this cluster
     */
    ChaosJob submit(Configuration options) throws Exception {
        Configuration config = new Configuration(options);
        config.set(MillraceOptions.BOOTSTRAP_SERVERS, layout.bootstrapServers());
        ChaosJob job = new ChaosJob(layout, rest, flink.toConfiguration(), config);
        job.submit(null);
        await("job " + job.path(), job::isRunning);
        return job;
    }

    /** Stops the job with a savepoint and waits for its end. */
    void stop(ChaosJob job) throws Exception {
        if (!job.stop()) {
            throw new IOException("the JobManager does not stop " + job.path());
        }
        await("end of " + job.path(), job::isFinished);
    }

    /** Properties for Kafka's clients. */
    Properties kafka() {
        Properties properties = new Properties();
        properties.setProperty("bootstrap.servers", layout.bootstrapServers());
        // A client that watches a broker come back should not be late itself.
        properties.setProperty(ConsumerConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, "200");
        return properties;
    }

    ClusterLayout layout() {
        return layout;
    }

    /** Null if there is none that can be filled. */
    SmallDisk disk() {
        return disk;
    }

    ProcessGroup processes() {
        return processes;
    }

    FlinkRest rest() {
        return rest;
    }

    @Override
    public void close() {
        processes.close();
        if (disk != null) {
            disk.close();
        }
    }
}
