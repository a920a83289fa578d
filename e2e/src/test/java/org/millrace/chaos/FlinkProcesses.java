// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.flink.client.cli.CliFrontend;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.HighAvailabilityOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint;
import org.apache.flink.runtime.taskexecutor.TaskManagerRunner;
import org.millrace.client.broker.FreePorts;

/**
 * A JobManager and a TaskManager as processes, with nothing of Millrace on their class path.
 * Whoever starts them closes them.
 */
final class FlinkProcesses implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final List<JavaProcess> processes = new ArrayList<>();
    private final ClusterLayout layout;
    private final FlinkRest rest;
    private int clients;

    private FlinkProcesses(ClusterLayout layout) {
        this.layout = layout;
        this.rest = new FlinkRest(layout.restPort());
    }

    /**
     * Waits until the TaskManager is registered.
     *
     * @param directory for all files of the processes
     * @param taskManagerOptions of its JVM, beside those that its configuration asks for
     */
    static FlinkProcesses start(Path directory, List<String> taskManagerOptions) throws Exception {
        ClusterLayout layout = ClusterLayout.create(directory, directory.resolve("checkpoints"));
        FlinkProcesses started = new FlinkProcesses(layout);
        try {
            started.start(taskManagerOptions);
        } catch (Exception | AssertionError e) {
            started.close();
            throw e;
        }
        return started;
    }

    private void start(List<String> taskManagerOptions) throws Exception {
        Configuration config =
                FlinkConfiguration.of(layout)
                        .small(1 << 20, MemorySize.ofMebiBytes(256))
                        .toConfiguration();
        config.set(HighAvailabilityOptions.HA_MODE, "none");
        // Not 6123: the TaskManager would register with whatever JobManager this machine has there.
        config.set(JobManagerOptions.PORT, FreePorts.find(1).get(0));
        FlinkConfiguration flink = new FlinkConfiguration(config);
        flink.write(layout.configuration());
        start(
                "jobmanager",
                flink.jobManagerJvmOptions(),
                StandaloneSessionClusterEntrypoint.class,
                flink.jobManagerArguments(layout.configuration()));
        List<String> options = new ArrayList<>(flink.taskManagerJvmOptions());
        options.addAll(taskManagerOptions);
        start(
                "taskmanager",
                options,
                TaskManagerRunner.class,
                flink.taskManagerArguments(layout.configuration()));
        await("TaskManager", () -> rest.get("/overview").path("taskmanagers").asInt() == 1);
    }

    private JavaProcess start(
            String name, List<String> options, Class<?> mainClass, List<String> arguments)
            throws IOException {
        JavaProcess process =
                new JavaProcess(
                        name, layout.root(), classPath(), options, mainClass.getName(), arguments);
        processes.add(process);
        process.start();
        return process;
    }

    /** What a distribution of Flink has. */
    static String classPath() {
        return FlinkClassPath.of(System.getProperty("java.class.path"));
    }

    ClusterLayout layout() {
        return layout;
    }

    FlinkRest rest() {
        return rest;
    }

    /** {@code flink ARGUMENTS}, which has ended. */
    JavaProcess flink(String... arguments) throws IOException {
        JavaProcess client =
                start("flink-" + ++clients, List.of(), CliFrontend.class, List.of(arguments));
        client.awaitEnd();
        return client;
    }

    static void await(String what, Callable<Boolean> condition) throws Exception {
        long deadlineNanos = System.nanoTime() + TIMEOUT.toNanos();
        while (!condition.call()) {
            assertThat(System.nanoTime()).as(what).isLessThan(deadlineNanos);
            Thread.sleep(50);
        }
    }

    @Override
    public void close() {
        processes.forEach(JavaProcess::close);
    }
}
