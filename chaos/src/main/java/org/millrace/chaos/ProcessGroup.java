// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint;
import org.apache.flink.runtime.taskexecutor.TaskManagerRunner;
import org.apache.flink.runtime.zookeeper.FlinkZooKeeperQuorumPeer;

/**
 * A broker, ZooKeeper, a JobManager and two TaskManagers, each a process of its own on this machine
 * that can be killed and started again. Closing kills all.
 */
final class ProcessGroup implements AutoCloseable {
    static final int TASK_MANAGERS = 2;

    private static final Duration START_TIMEOUT = Duration.ofSeconds(90);

    private final ClusterLayout layout;
    private final String flinkClassPath;
    private final JavaProcess broker;
    private final JavaProcess zooKeeper;
    private final JavaProcess jobManager;
    private final List<JavaProcess> taskManagers = new ArrayList<>();

    /**
     * @param classPath of the broker
     * @param flinkClassPath of all others
     */
    ProcessGroup(
            ClusterLayout layout, FlinkConfiguration flink, String classPath, String flinkClassPath)
            throws IOException {
        this.layout = layout;
        this.flinkClassPath = flinkClassPath;
        flink.write(layout.configuration());
        broker =
                new JavaProcess(
                        "broker",
                        layout.root(),
                        classPath,
                        List.of("-Xmx320m"),
                        BrokerMain.class.getName(),
                        List.of(layout.broker().toString(), Integer.toString(layout.brokerPort())));
        zooKeeper =
                process(
                        "zookeeper",
                        List.of("-Xmx64m"),
                        FlinkZooKeeperQuorumPeer.class.getName(),
                        List.of("--zkConfigFile", writeZooKeeperConfig(), "--peerId", "1"));
        List<String> jobManagerArguments =
                new ArrayList<>(flink.jobManagerArguments(layout.configuration()));
        jobManagerArguments.addAll(List.of("--executionMode", "cluster"));
        jobManager =
                process(
                        "jobmanager",
                        flink.jobManagerJvmOptions(),
                        StandaloneSessionClusterEntrypoint.class.getName(),
                        jobManagerArguments);
        for (int i = 1; i <= TASK_MANAGERS; i++) {
            taskManagers.add(taskManager("taskmanager-" + i, flink));
        }
    }

    private JavaProcess process(
            String name, List<String> jvmOptions, String mainClass, List<String> arguments) {
        return new JavaProcess(
                name, layout.root(), flinkClassPath, jvmOptions, mainClass, arguments);
    }

    private JavaProcess taskManager(String name, FlinkConfiguration flink) {
        List<String> arguments =
                new ArrayList<>(flink.taskManagerArguments(layout.configuration()));
        arguments.addAll(List.of("-D", "taskmanager.resource-id=" + name));
        return process(
                name, flink.taskManagerJvmOptions(), TaskManagerRunner.class.getName(), arguments);
    }

    private String writeZooKeeperConfig() throws IOException {
        Path file = layout.configuration().resolve("zoo.cfg");
        Files.write(
                file,
                List.of(
                        "clientPort=" + layout.zooKeeperPort(),
                        "clientPortAddress=" + Ports.HOST,
                        "dataDir=" + layout.zooKeeper(),
                        "tickTime=1000",
                        "initLimit=10",
                        "syncLimit=5",
                        "admin.enableServer=false",
                        "server.1=" + Ports.HOST + ":2888:3888"));
        return file.toString();
    }

    /** Starts all of them, and waits for broker and ZooKeeper. */
    void start() throws IOException, InterruptedException {
        for (JavaProcess process : all()) {
            process.start();
        }
        awaitBroker();
        Ports.awaitOpen(zooKeeper, layout.zooKeeperPort(), START_TIMEOUT);
    }

    /** Waits until clients can connect. */
    void awaitBroker() throws IOException, InterruptedException {
        Ports.awaitOpen(broker, layout.brokerPort(), START_TIMEOUT);
    }

    /** Waits until the JobManager answers. */
    void awaitJobManager() throws IOException, InterruptedException {
        Ports.awaitOpen(jobManager, layout.restPort(), START_TIMEOUT);
    }

    JavaProcess broker() {
        return broker;
    }

    JavaProcess jobManager() {
        return jobManager;
    }

    List<JavaProcess> taskManagers() {
        return taskManagers;
    }

    /** Everything that is Flink's: ZooKeeper, JobManager and TaskManagers. */
    List<JavaProcess> flink() {
        List<JavaProcess> processes = new ArrayList<>(List.of(zooKeeper, jobManager));
        processes.addAll(taskManagers);
        return processes;
    }

    private List<JavaProcess> all() {
        List<JavaProcess> processes = new ArrayList<>(List.of(broker));
        processes.addAll(flink());
        return processes;
    }

    /**
     * Fails if one of them is down that nobody killed.
     *
     * @throws IOException naming its log
     */
    void checkAlive() throws IOException {
        for (JavaProcess process : all()) {
            process.checkAlive();
        }
    }

    @Override
    public void close() {
        all().forEach(JavaProcess::kill);
        all().forEach(JavaProcess::awaitEnd);
    }
}
