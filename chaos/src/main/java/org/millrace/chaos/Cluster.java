// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.Callable;
import org.apache.flink.configuration.Configuration;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;

/**
 * The process group with what belongs to it: files, addresses, jobs. Closing kills the processes;
 * files stay.
 */
final class Cluster implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(180);

    private final ClusterLayout layout;
    private final ProcessGroup processes;
    private final FlinkRest rest;

    private Cluster(ClusterLayout layout, ProcessGroup processes) {
        this.layout = layout;
        this.processes = processes;
        this.rest = new FlinkRest(layout.restPort());
    }

    /** Starts the processes and waits until the TaskManagers are there. */
    static Cluster start(ClusterLayout layout, ProcessGroup processes) throws Exception {
        Cluster cluster = new Cluster(layout, processes);
        try {
            processes.start();
            cluster.awaitTaskManagers();
            return cluster;
        } catch (Exception e) {
            cluster.close();
            throw e;
        }
    }

    /** Waits until the JobManager knows all of them. */
    void awaitTaskManagers() throws Exception {
        await("TaskManagers", this::hasAllTaskManagers);
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
        long deadlineNanos = System.nanoTime() + TIMEOUT.toNanos();
        while (!condition.call()) {
            processes.checkAlive();
            if (System.nanoTime() > deadlineNanos) {
                throw new IOException(
                        what
                                + " not there after "
                                + TIMEOUT.toSeconds()
                                + " s; see the logs in "
                                + layout.root());
            }
            Thread.sleep(50);
        }
    }

    /** Makes the topics of a job that is to read what lies there before it is submitted. */
    void createTopics(KafkaTopics topics) throws IOException {
        try (Admin admin = Admin.create(kafka())) {
            topics.createMissing(admin, MillraceOptions.PARTITIONS.defaultValue());
        }
    }

    /** A job that is not submitted yet. */
    ClusterJob job(Submission submission, Configuration options) {
        Configuration config = new Configuration(options);
        config.set(MillraceOptions.BOOTSTRAP_SERVERS, layout.bootstrapServers());
        return new ClusterJob(layout, rest, submission, config);
    }

    /**
     * Submits a job and waits until it runs.
     *
     * @param options what concerns the job and not this cluster
     */
    ClusterJob submit(Submission submission, Configuration options) throws Exception {
        ClusterJob job = job(submission, options);
        job.submit();
        await("job " + job.path(), job::isRunning);
        return job;
    }

    /** Stops the job with a savepoint and waits for its end. */
    void stop(ClusterJob job) throws Exception {
        if (!job.stop()) {
            throw new IOException("the JobManager does not stop " + job.path());
        }
        await("end of " + job.path(), job::isFinished);
    }

    /** Ends the job, whatever it does, and waits for its end. */
    void cancel(ClusterJob job) throws Exception {
        job.cancel();
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

    ProcessGroup processes() {
        return processes;
    }

    FlinkRest rest() {
        return rest;
    }

    @Override
    public void close() {
        processes.close();
    }
}
