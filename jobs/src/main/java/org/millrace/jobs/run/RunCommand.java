package org.millrace.jobs.run;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.util.FileUtils;
import org.millrace.engine.Model;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.jobs.EmbeddedBroker;
import org.millrace.jobs.GenerationSettings;
import org.millrace.jobs.JobArguments;
import org.millrace.jobs.KafkaProperties;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.jobs.RetentionArguments;
import org.millrace.jobs.client.PromptReader;
import org.millrace.jobs.model.ModelLocator;
import org.millrace.schemas.PromptRequest;
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
            "Runs the generation job with a broker and a Flink cluster of its own, answers prompts, and reports.",
            "Without options it fetches the default model and answers a bundled set of prompts."
        })
public final class RunCommand implements Callable<Integer> {
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
                    "Prompts to answer, or - for standard input (default: a bundled set; none with --serve and --until-end).")
    private String prompts;

    @Option(
            names = "--until-end",
            description =
                    "Answer what the prompts topic holds up to its present end, then stop (needs --bootstrap-servers).")
    private boolean untilEnd;

    @Option(
            names = "--serve",
            description = "Stay up for other clients until SIGTERM, then stop with a savepoint.")
    private boolean serve;

    @Option(
            names = "--port",
            paramLabel = "PORT",
            description = "Port of the embedded broker (default: a free one; 9092 with --serve).")
    private Integer port;

    @Option(
            names = "--work-dir",
            paramLabel = "DIR",
            description =
                    "Topics, checkpoints and savepoints (default: below MILLRACE_HOME, deleted after a complete run; kept with --serve)."
                            + " Given again after a crash, the run goes on: what was answered is not answered again.")
    private Path workDirectory;

    @Option(names = "--json", description = "Print one JSON document and nothing else.")
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
        List<PromptRequest> requests = readPrompts();
        Path directory = directory();
        Configuration config = configuration(directory);
        checkUntilEnd(config);
        TerminationSignal termination = serve ? TerminationSignal.install() : null;
        if (config.get(MillraceOptions.BOOTSTRAP_SERVERS) != null) {
            run(config, requests, directory, termination);
        } else {
            int brokerPort = port != null ? port : serve ? SERVE_PORT : 0;
            try (EmbeddedBroker broker =
                    EmbeddedBroker.start(directory.resolve("broker"), brokerPort)) {
                config.set(MillraceOptions.BOOTSTRAP_SERVERS, broker.bootstrapServers());
                run(config, requests, directory, termination);
            }
        }
        if (ownDirectory()) {
            FileUtils.deleteDirectory(directory.toFile());
        }
        return 0;
    }

    private void checkUntilEnd(Configuration config) {
        boolean ownBroker = config.get(MillraceOptions.BOOTSTRAP_SERVERS) == null;
        if (untilEnd && (serve || prompts != null || ownBroker)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--until-end needs --bootstrap-servers, and no --prompts and no --serve");
        }
    }

    private Configuration configuration(Path directory) throws Exception {
        Configuration config = job.toConfiguration();
        if (retention.isGiven()) {
            config.set(
                    MillraceOptions.RETENTION,
                    retention.retention(RetentionPolicies.DEFAULT).toString());
        }
        config.set(
                MillraceOptions.MODEL,
                ModelLocator.locate(config.get(MillraceOptions.MODEL)).toString());
        boolean topicIsNew = ownDirectory() && !config.contains(MillraceOptions.BOOTSTRAP_SERVERS);
        if (!topicIsNew && !config.contains(MillraceOptions.START_OFFSETS)) {
            // The topic may hold prompts that an earlier run has answered.
            config.set(MillraceOptions.START_OFFSETS, MillraceOptions.StartOffsets.COMMITTED);
        }
        if (continues() && !config.contains(StateRecoveryOptions.SAVEPOINT_PATH)) {
            Path checkpoint = LocalCluster.newestCheckpoint(directory);
            if (checkpoint != null) {
                config.set(StateRecoveryOptions.SAVEPOINT_PATH, checkpoint.toUri().toString());
            }
        }
        if (!serve
                && !config.contains(
                        RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_ATTEMPTS)) {
            // A job tries for ever; somebody who waits for its end wants to know.
            config.set(RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_ATTEMPTS, 5);
        }
        return config;
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

    /** Whether the work directory is this run's alone and goes with it. */
    private boolean ownDirectory() {
        return workDirectory == null && !serve;
    }

    /** Whether an earlier run may have left topics and checkpoints to go on with. */
    private boolean continues() {
        return workDirectory != null && !serve;
    }

    private Path directory() throws IOException {
        Path directory = workDirectory;
        if (directory == null) {
            Path home = ModelLocator.home();
            directory =
                    serve
                            ? home.resolve("serve")
                            : home.resolve("runs").resolve(LocalDateTime.now().format(RUN_NAME));
        }
        return Files.createDirectories(directory.toAbsolutePath());
    }

    private void run(
            Configuration config,
            List<PromptRequest> requests,
            Path directory,
            TerminationSignal termination)
            throws Exception {
        RunView view = view();
        String modelPath = config.get(MillraceOptions.MODEL);
        // Opened here too, so that a model that cannot be used ends the run by name and not in a
        // restarting job.
        try (Model model = Model.open(Path.of(modelPath), GenerationSettings.modelOptions(config));
                LocalCluster cluster = LocalCluster.start(config, directory)) {
            view.note("model    " + model.config().name() + ", " + modelPath);
            view.note("brokers  " + config.get(MillraceOptions.BOOTSTRAP_SERVERS));
            view.note("web UI   " + cluster.webAddress());
            RunningJob running = cluster.submit(new Configuration());
            running.awaitRunning();
            RunProgress progress = new RunProgress();
            new AnswerLoop(
                            running,
                            KafkaProperties.load(config),
                            KafkaTopics.of(config),
                            progress,
                            view,
                            continues(),
                            untilEnd)
                    .run(requests, termination == null ? progress::done : termination::isReceived);
            String savepoint = running.stop();
            RunReport report = progress.report(modelPath, running.checkpoints(), savepoint);
            if (json || !requests.isEmpty() || untilEnd) {
                out.println(json ? report.json() : report.table());
            }
            if (!ownDirectory()) {
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
