// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.util.FileUtils;
import org.millrace.client.model.ModelLocator;
import org.millrace.jobs.OptionNames;
import org.millrace.operators.GenerationOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code millrace chaos}: kills the processes of a loaded job and compares what came out. */
@Command(
        name = "chaos",
        mixinStandardHelpOptions = true,
        description = {
            "Runs the job on processes of its own (broker, ZooKeeper, JobManager, two TaskManagers), kills them under load"
                    + " with SIGKILL, fills the disk of the checkpoints, and compares every answer and token with an"
                    + " undisturbed run.",
            "Fails unless nothing was lost, doubled or changed, and nothing saved was computed again."
        })
public final class ChaosCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Option(
            names = "--kills",
            paramLabel = "N",
            description = "Faults in all (default: ${DEFAULT-VALUE}).")
    private int kills = 20;

    @Option(
            names = "--seed",
            paramLabel = "S",
            description = "Decides on prompts, faults and their order (default: ${DEFAULT-VALUE}).")
    private long seed = 1;

    @Option(
            names = "--model",
            paramLabel = "NAME|FILE|HUB_ID",
            description =
                    "A name that millrace models lists, or a GGUF file (default: smollm2-135m, fetched once).")
    private String model;

    @Option(
            names = "--work-dir",
            paramLabel = "DIR",
            description =
                    "Empty directory for topics, state, logs and report.json (default: below MILLRACE_HOME, deleted after a clean run).")
    private Path workDirectory;

    @Option(names = "--json", description = "Print one JSON document and nothing else.")
    private boolean json;

    @Option(
            names = "-D",
            paramLabel = "key=value",
            converter = OptionNames.Converter.class,
            description = "Any option of Flink or Millrace for the job.")
    private Map<String, String> properties = new LinkedHashMap<>();

    private final PrintStream out;

    public ChaosCommand() {
        this(System.out);
    }

    ChaosCommand(PrintStream out) {
        this.out = out;
    }

    @Override
    public Integer call() throws Exception {
        if (kills < 1) {
            throw new ParameterException(
                    spec.commandLine(), "bad kills: kills=" + kills + ", must be >= 1");
        }
        Configuration options = Configuration.fromMap(properties);
        options.set(
                GenerationOptions.MODEL, ModelLocator.locate(model).toAbsolutePath().toString());
        Path directory = RunDirectory.of(workDirectory, "chaos");
        Consumer<String> progress = json ? System.err::println : out::println;
        progress.accept("seed " + seed + ", files and logs in " + directory);
        ChaosReport report =
                new ChaosRun(options, seed, kinds -> KillPlan.of(seed, kills, kinds), progress)
                        .run(directory, System.getProperty("java.class.path"));
        report.findings().forEach(System.err::println);
        Files.writeString(directory.resolve("report.json"), report.json() + "\n");
        out.println(json ? report.json() : report.table());
        if (workDirectory == null && report.isClean()) {
            FileUtils.deleteDirectory(directory.toFile());
        }
        return report.isClean() ? 0 : 1;
    }
}
