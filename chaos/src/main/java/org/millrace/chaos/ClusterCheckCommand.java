// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

/** {@code millrace cluster-check}: what is done to a job in production, on a real cluster. */
@Command(
        name = "cluster-check",
        mixinStandardHelpOptions = true,
        description = {
            "Starts a broker, ZooKeeper, a JobManager and two TaskManagers with the documented configuration, submits the"
                    + " job jar with flink run, and with live generations kills a TaskManager and the JobManager, rescales,"
                    + " restarts from savepoints and changes releases. Compares every answer and token with an undisturbed run.",
            "Fails unless nothing was lost, doubled or changed, nothing saved was computed again, and no session waited"
                    + " longer than 12 s for its next token after a killed TaskManager."
        })
public final class ClusterCheckCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Option(
            names = "--steps",
            paramLabel = "STEP",
            split = ",",
            description =
                    "Out of ${COMPLETION-CANDIDATES} (default: all, the last two with --previous-jar).")
    private List<CheckStep> steps = List.of();

    @Option(
            names = "--previous-jar",
            paramLabel = "FILE",
            description = "Job jar of an earlier release, to upgrade from.")
    private Optional<Path> previousJar = Optional.empty();

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

    public ClusterCheckCommand() {
        this(System.out);
    }

    ClusterCheckCommand(PrintStream out) {
        this.out = out;
    }

    @Override
    public Integer call() throws Exception {
        Configuration options = Configuration.fromMap(properties);
        options.set(
                GenerationOptions.MODEL, ModelLocator.locate(model).toAbsolutePath().toString());
        List<CheckStep> chosen = chosen();
        Path jar = JobJar.ofThisBuild();
        if (previousJar.isPresent()) {
            previousJar = Optional.of(JobJar.existing(previousJar.get()));
        }
        Path directory = RunDirectory.of(workDirectory, "cluster-check");
        Consumer<String> progress = json ? System.err::println : out::println;
        progress.accept("files and logs in " + directory);
        CheckReport report =
                new ClusterCheck(options, jar, previousJar, progress)
                        .run(chosen, directory, System.getProperty("java.class.path"));
        report.findings().forEach(System.err::println);
        Files.writeString(directory.resolve("report.json"), report.json() + "\n");
        out.println(json ? report.json() : report.table());
        if (workDirectory == null && report.isClean()) {
            FileUtils.deleteDirectory(directory.toFile());
        }
        return report.isClean() ? 0 : 1;
    }

    private List<CheckStep> chosen() {
        if (steps.isEmpty()) {
            return Arrays.stream(CheckStep.values())
                    .filter(step -> previousJar.isPresent() || !step.needsPreviousJar())
                    .toList();
        }
        for (CheckStep step : steps) {
            if (step.needsPreviousJar() && previousJar.isEmpty()) {
                throw new ParameterException(
                        spec.commandLine(), "step " + step + " needs --previous-jar");
            }
        }
        return steps.stream().distinct().toList();
    }
}
