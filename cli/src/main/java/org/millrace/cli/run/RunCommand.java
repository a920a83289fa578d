// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.RecoveryClaimMode;
import org.millrace.client.PromptReader;
import org.millrace.client.broker.EmbeddedBroker;
import org.millrace.client.model.ModelLocator;
import org.millrace.engine.Model;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.jobs.JobArguments;
import org.millrace.jobs.KafkaProperties;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.jobs.RetentionArguments;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.GenerationSettings;
import org.millrace.schemas.PromptRequest;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code millrace run}: a broker, a Flink cluster and the generation job in this process. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = {
            "Starts a Flink cluster and a broker, answers prompts, and prints a report.",
            "Without options, it downloads the default model and answers a few sample prompts."
        })
public final class RunCommand implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(RunCommand.class);
    private static final int SERVE_PORT = 9092;
    private static final DateTimeFormatter RUN_NAME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss-SSS");

    @Spec private CommandSpec spec;

    @Mixin private JobArguments job;
    @Mixin private RetentionArguments retention;

    @Option(
            names = "--prompts",
            paramLabel = "FILE.jsonl|FILE.avro",
            description =
                    "File with the prompts to answer, or - for standard input (default: sample prompts; none with --serve or --until-end).")
    private String prompts;

    @Option(
            names = "--until-end",
            description =
                    "Answer everything that is in the prompts topic now, then stop. Needs --bootstrap-servers.")
    private boolean untilEnd;

    @Option(
            names = "--serve",
            description = "Keep running for other clients. On SIGTERM, take a savepoint and stop.")
    private boolean serve;

    @Option(
            names = "--port",
            paramLabel = "PORT",
            description =
                    "Port of the built-in broker (default: any free port; 9092 with --serve).")
    private Integer port;

    @Option(
            names = "--work-dir",
            paramLabel = "DIR",
            description =
                    "Directory for topics, checkpoints and savepoints. Run again with the same directory, even after a crash, to"
                            + " continue: prompts that were answered are not answered again (default: a directory in MILLRACE_HOME,"
                            + " deleted after a complete run; kept with --serve and --bootstrap-servers).")
    private Path workDirectory;

    @Option(names = "--json", description = "Print only one JSON document.")
    private boolean json;

    private final PrintStream out;

    public RunCommand() {
        this(System.out);
    }

    RunCommand(PrintStream out) {
        this.out = out;
    }

    @Override
    public Integer call() throws Exception {
        Configuration config = job.toConfiguration();
        String brokers = KafkaProperties.bootstrapServers(config);
        checkUntilEnd(brokers);
        List<PromptRequest> requests = readPrompts();
        try (WorkDirectory directory = WorkDirectory.take(directory(config, brokers))) {
            configure(config, directory, brokers);
            TerminationSignal termination = serve ? TerminationSignal.install() : null;
            if (brokers != null) {
                config.set(MillraceOptions.BOOTSTRAP_SERVERS, brokers);
                run(config, requests, directory, termination, false);
            } else {
                int brokerPort = port != null ? port : serve ? SERVE_PORT : 0;
                try (EmbeddedBroker broker = EmbeddedBroker.start(directory.broker(), brokerPort)) {
                    config.set(MillraceOptions.BOOTSTRAP_SERVERS, broker.bootstrapServers());
                    run(config, requests, directory, termination, isTemporary(null));
                }
            }
            if (isTemporary(brokers)) {
                directory.delete();
            }
        }
        return 0;
    }

    private void checkUntilEnd(String brokers) {
        if (untilEnd && (serve || prompts != null || brokers == null)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--until-end needs --bootstrap-servers, and no --prompts and no --serve");
        }
    }

    private void configure(Configuration config, WorkDirectory directory, String brokers)
            throws IOException {
        if (retention.isGiven()) {
            config.set(
                    GenerationOptions.RETENTION,
                    retention.retention(RetentionPolicies.DEFAULT).toString());
        }
        config.set(
                GenerationOptions.MODEL,
                ModelLocator.locate(config.get(GenerationOptions.MODEL)).toString());
        if (!isTemporary(brokers)) {
            goOn(config, directory);
        }
        if (!serve
                && !config.contains(
                        RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_ATTEMPTS)) {
            // A job tries for ever; somebody who waits for its end wants to know.
            config.set(RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_ATTEMPTS, 5);
        }
    }

    /**
     * Goes on from what an earlier run in the directory has left: the topic may hold prompts that
     * it has answered, and its state those that it has read and not answered.
     */
    private static void goOn(Configuration config, WorkDirectory directory) throws IOException {
        if (!config.contains(MillraceOptions.START_OFFSETS)) {
            config.set(MillraceOptions.START_OFFSETS, MillraceOptions.StartOffsets.COMMITTED);
        }
        if (!config.contains(StateRecoveryOptions.SAVEPOINT_PATH)) {
            Snapshots snapshots = Snapshots.of(directory, config);
            deleteUnused(snapshots, config);
            snapshots.newest().ifPresent(newest -> goOn(config, newest));
        }
    }

    private static void deleteUnused(Snapshots snapshots, Configuration config) {
        try {
            snapshots.deleteUnused(config);
        } catch (IOException e) {
            LOG.warn("Files that killed runs have left are not deleted", e);
        }
    }

    private static void goOn(Configuration config, Snapshots.Snapshot snapshot) {
        config.set(StateRecoveryOptions.SAVEPOINT_PATH, snapshot.path().toString());
        if (!snapshot.isSavepoint() && !config.contains(StateRecoveryOptions.RESTORE_MODE)) {
            // Nobody else has it: its files need not be written again, and go when they are old.
            config.set(StateRecoveryOptions.RESTORE_MODE, RecoveryClaimMode.CLAIM);
        }
    }

    /** All of them before anything starts: a bad line is told in a second. */
    private List<PromptRequest> readPrompts() throws IOException {
        if (prompts != null) {
            return PromptReader.readAll(prompts);
        }
        if (serve || untilEnd) {
            return List.of();
        }
        InputStream bundled = RunCommand.class.getResourceAsStream("prompts.jsonl");
        try (PromptReader reader = PromptReader.of("bundled prompts", bundled)) {
            return reader.all();
        }
    }

    /**
     * Whether the work directory is this run's alone and goes with it, topics and all. That of a
     * job on somebody's topics never does: only its state knows which prompts below the committed
     * offsets are not answered.
     */
    private boolean isTemporary(String brokers) {
        return workDirectory == null && !serve && brokers == null;
    }

    private Path directory(Configuration config, String brokers) throws IOException {
        Path directory = workDirectory;
        if (directory == null) {
            Path home = ModelLocator.home();
            if (brokers != null) {
                directory = home.resolve("brokers").resolve(nameOf(config, brokers));
            } else if (serve) {
                directory = home.resolve("serve");
            } else {
                directory = home.resolve("runs").resolve(LocalDateTime.now().format(RUN_NAME));
            }
        }
        return directory.toAbsolutePath();
    }

    private static String nameOf(Configuration config, String brokers) {
        String name =
                String.join(
                        "_",
                        brokers,
                        config.get(MillraceOptions.GROUP_ID),
                        config.get(MillraceOptions.PROMPTS_TOPIC));
        return name.replaceAll("[^A-Za-z0-9.-]", "_");
    }

    private void run(
            Configuration config,
            List<PromptRequest> requests,
            WorkDirectory directory,
            TerminationSignal termination,
            boolean temporary)
            throws Exception {
        RunView view = view();
        String modelPath = config.get(GenerationOptions.MODEL);
        // Opened here too, so that a model that cannot be used ends the run by name and not in a
        // restarting job.
        try (Model model = Model.open(Path.of(modelPath), GenerationSettings.modelOptions(config));
                LocalCluster cluster = LocalCluster.start(config, directory)) {
            view.note("model    " + model.spec().name() + ", " + modelPath);
            view.note("brokers  " + config.get(MillraceOptions.BOOTSTRAP_SERVERS));
            view.note("web UI   " + cluster.webAddress());
            if (config.contains(StateRecoveryOptions.SAVEPOINT_PATH)) {
                view.note("goes on from " + config.get(StateRecoveryOptions.SAVEPOINT_PATH));
            }
            RunningJob running = cluster.submit(new Configuration());
            if (!running.awaitRunning(() -> termination != null && termination.isReceived())) {
                view.note("ended before the job ran; nothing was changed");
                return;
            }
            RunProgress progress = new RunProgress();
            new AnswerLoop(
                            running,
                            KafkaProperties.load(config),
                            KafkaTopics.of(config),
                            progress,
                            view,
                            workDirectory != null,
                            untilEnd)
                    .run(requests, termination == null ? progress::done : termination::isReceived);
            String savepoint = running.stop();
            RunReport report = progress.report(modelPath, running.checkpoints(), savepoint);
            if (json || !requests.isEmpty() || untilEnd) {
                out.println(json ? report.json() : report.table());
            }
            if (!temporary) {
                view.note("stopped; go on with --from-savepoint " + savepoint);
            }
        }
    }

    private RunView view() {
        if (json) {
            return RunView.silent();
        }
        return CommandLine.Help.Ansi.AUTO.enabled() ? RunView.terminal(out) : RunView.lines(out);
    }
}
