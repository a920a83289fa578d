// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.client.cli.CliFrontend;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.configuration.HighAvailabilityOptions;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint;
import org.apache.flink.runtime.taskexecutor.TaskManagerRunner;
import org.apache.flink.runtime.zookeeper.FlinkZooKeeperQuorumPeer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.client.OutputReader;
import org.millrace.client.PromptPublisher;
import org.millrace.client.broker.EmbeddedBroker;
import org.millrace.e2e.TestCluster;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.TokenDelta;

/** The configuration of {@code docs/operations.md} and the command of the README, on processes. */
@Tag("nightly")
class DocumentedClusterITCase {
    /** A model to measure with, rather than the tiny one. */
    private static final String MODEL = System.getProperty("millrace.test.model");

    private static final Path JAR = Path.of("../jobs/target/millrace-job.jar").toAbsolutePath();
    private static final String LOGGING =
            DocumentedClusterITCase.class.getResource("log4j2.properties").toString();
    private static final Pattern SUBMITTED = Pattern.compile("submitted with JobID (\\w+)");
    private static final Duration TIMEOUT = Duration.ofSeconds(90);

    /** 12 s on a machine that has nothing else to do. */
    private static final Duration LONGEST_OUTAGE = Duration.ofSeconds(24);

    private static final int SESSIONS = 4;

    private static final int TASK_MANAGERS = 2;

    @TempDir private Path directory;
    private final List<JavaProcess> processes = new ArrayList<>();
    private ClusterLayout layout;

    @AfterEach
    void kill() {
        processes.forEach(JavaProcess::close);
    }

    @Test
    void jobOutlivesATaskManager() throws Exception {
        layout = ClusterLayout.create(directory, directory.resolve("checkpoints"));
        FlinkConfiguration flink = new FlinkConfiguration(documented(layout));
        flink.write(layout.configuration());
        KafkaTopics topics = KafkaTopics.of(new Configuration());
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory.resolve("broker"), 0)) {
            Properties kafka = new Properties();
            kafka.setProperty("bootstrap.servers", broker.bootstrapServers());
            FlinkRest rest = new FlinkRest(layout.restPort());
            List<JavaProcess> taskManagers = startFlink(flink);
            await(() -> rest.get("/overview").path("taskmanagers").asInt() == TASK_MANAGERS);
            String job = "/jobs/" + flinkRun(broker.bootstrapServers());
            try (PromptPublisher publisher = new PromptPublisher(kafka, topics.prompts());
                    OutputReader outputs = OutputReader.fromBeginning(kafka, topics)) {
                publish(publisher);
                await(() -> tokens(outputs) > 0);
                await(() -> checkpoints(rest, job).path("completed").asInt() > 1);
                System.out.println("checkpoints: " + checkpoints(rest, job));
                assertThat(
                                rest.get(job + "/config")
                                        .path("execution-config")
                                        .path("user-config")
                                        .path("kafka.bootstrap.servers")
                                        .asText())
                        .isEqualTo(broker.bootstrapServers());

                taskManagers.get(0).kill();
                long killedNanos = System.nanoTime();
                await(() -> hasRestarted(rest, job));
                Duration seen = Duration.ofNanos(System.nanoTime() - killedNanos);
                await(() -> isRunning(rest, job));
                Duration outage = Duration.ofNanos(System.nanoTime() - killedNanos);
                System.out.println(
                        "milliseconds until the failure was seen: "
                                + seen.toMillis()
                                + ", until all subtasks ran again: "
                                + outage.toMillis());
                assertThat(outage).isLessThan(LONGEST_OUTAGE);
            }
        }
    }

    /** The TaskManagers. */
    private List<JavaProcess> startFlink(FlinkConfiguration flink) throws Exception {
        Path zooKeeper = layout.configuration().resolve("zoo.cfg");
        Files.write(
                zooKeeper,
                List.of(
                        "clientPort=" + layout.zooKeeperPort(),
                        "clientPortAddress=" + Ports.HOST,
                        "dataDir=" + layout.zooKeeper(),
                        "tickTime=1000",
                        "initLimit=10",
                        "syncLimit=5",
                        "admin.enableServer=false",
                        "server.1=" + Ports.HOST + ":2888:3888"));
        start(
                "zookeeper",
                List.of("-Xmx64m"),
                FlinkZooKeeperQuorumPeer.class,
                List.of("--zkConfigFile", zooKeeper.toString(), "--peerId", "1"));
        start(
                "jobmanager",
                flink.jobManagerJvmOptions(),
                StandaloneSessionClusterEntrypoint.class,
                flink.jobManagerArguments(layout.configuration()));
        List<JavaProcess> taskManagers = new ArrayList<>();
        for (int i = 0; i < TASK_MANAGERS; i++) {
            taskManagers.add(
                    start(
                            "taskmanager-" + i,
                            flink.taskManagerJvmOptions(),
                            TaskManagerRunner.class,
                            flink.taskManagerArguments(layout.configuration())));
        }
        return taskManagers;
    }

    private JavaProcess start(
            String name, List<String> options, Class<?> mainClass, List<String> arguments)
            throws Exception {
        List<String> logged = new ArrayList<>(options);
        logged.add("-Dlog4j2.configurationFile=" + LOGGING);
        JavaProcess process =
                new JavaProcess(
                        name,
                        layout.root(),
                        FlinkClassPath.of(System.getProperty("java.class.path")),
                        logged,
                        mainClass.getName(),
                        arguments);
        processes.add(process);
        process.start();
        return process;
    }

    /** The block of the document, with this machine's addresses and directories. */
    private static Configuration documented(ClusterLayout layout) throws Exception {
        String document = Files.readString(Path.of("../docs/operations.md"));
        String section = document.substring(document.indexOf("## A cluster, in full"));
        int begin = section.indexOf("```yaml\n") + "```yaml\n".length();
        Files.writeString(
                layout.configuration().resolve("config.yaml"),
                section.substring(begin, section.indexOf("```", begin)));
        Configuration config =
                GlobalConfiguration.loadConfiguration(layout.configuration().toString());
        config.set(JobManagerOptions.ADDRESS, Ports.HOST);
        config.set(JobManagerOptions.BIND_HOST, Ports.HOST);
        config.set(RestOptions.ADDRESS, Ports.HOST);
        config.set(RestOptions.PORT, layout.restPort());
        config.set(RestOptions.BIND_PORT, Integer.toString(layout.restPort()));
        config.set(TaskManagerOptions.HOST, Ports.HOST);
        config.set(TaskManagerOptions.BIND_HOST, Ports.HOST);
        config.set(
                HighAvailabilityOptions.HA_ZOOKEEPER_QUORUM,
                Ports.HOST + ":" + layout.zooKeeperPort());
        config.set(
                HighAvailabilityOptions.HA_STORAGE_PATH,
                layout.highAvailability().toUri().toString());
        config.set(
                CheckpointingOptions.CHECKPOINTS_DIRECTORY,
                layout.checkpoints().toUri().toString());
        config.set(
                CheckpointingOptions.SAVEPOINT_DIRECTORY, layout.savepoints().toUri().toString());
        config.set(CoreOptions.TMP_DIRS, layout.temporary().toString());
        return config;
    }

    /** Id of the new job. */
    private String flinkRun(String bootstrapServers) throws Exception {
        String model = MODEL == null ? TestCluster.tinyModel() : MODEL;
        JavaProcess client =
                start(
                        "flink-run",
                        List.of(),
                        CliFrontend.class,
                        List.of(
                                "run",
                                "-d",
                                JAR.toString(),
                                "-D" + GenerationOptions.MODEL.key() + "=" + model,
                                "-D"
                                        + MillraceOptions.BOOTSTRAP_SERVERS.key()
                                        + "="
                                        + bootstrapServers));
        client.awaitEnd();
        String log = Files.readString(client.log());
        Matcher submitted = SUBMITTED.matcher(log);
        assertThat(submitted.find()).as(log).isTrue();
        return submitted.group(1);
    }

    /** More than is answered while the test runs. */
    private static void publish(PromptPublisher publisher) {
        List<PromptRequest> requests = new ArrayList<>();
        for (int turn = 0; turn < 200; turn++) {
            for (int session = 0; session < SESSIONS; session++) {
                requests.add(
                        PromptRequest.newBuilder()
                                .setSessionId("session-" + session)
                                .setRequestId("turn-" + turn)
                                .setText("Tell me of the sea.")
                                .setLimits(
                                        GenerationLimits.newBuilder()
                                                .setMaxTokens(100)
                                                .setIgnoreEos(true)
                                                .build())
                                .build());
            }
        }
        requests.forEach(publisher::publish);
        publisher.flush();
    }

    private static long tokens(OutputReader outputs) throws Exception {
        return outputs.poll(Duration.ofMillis(100)).stream()
                .filter(TokenDelta.class::isInstance)
                .count();
    }

    private static JsonNode checkpoints(FlinkRest rest, String job) throws Exception {
        return rest.get(job + "/checkpoints").path("counts");
    }

    private static boolean hasRestarted(FlinkRest rest, String job) throws Exception {
        return rest.get(job).path("timestamps").path("RESTARTING").asLong() > 0;
    }

    private static boolean isRunning(FlinkRest rest, String job) throws Exception {
        JsonNode details = rest.get(job);
        return details.path("state").asText().equals("RUNNING")
                && details.path("status-counts").path("RUNNING").asInt()
                        == details.path("vertices").size();
    }

    private static void await(Callable<Boolean> condition) throws Exception {
        long deadlineNanos = System.nanoTime() + TIMEOUT.toNanos();
        while (!condition.call()) {
            assertThat(System.nanoTime()).as("timed out").isLessThan(deadlineNanos);
            Thread.sleep(20);
        }
    }
}
