// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.apache.flink.configuration.Configuration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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

    @Mixin private CheckArguments arguments;

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
        Configuration options = arguments.jobOptions();
        Path directory = arguments.directory("chaos");
        Consumer<String> progress = arguments.isJson() ? System.err::println : out::println;
        progress.accept("seed " + seed + ", files and logs in " + directory);
        ChaosReport report =
                new ChaosRun(options, seed, kinds -> KillPlan.of(seed, kills, kinds), progress)
                        .run(directory, System.getProperty("java.class.path"));
        report.findings().forEach(System.err::println);
        arguments.keep(report.json(), report.isClean(), directory);
        out.println(arguments.isJson() ? report.json() : report.table());
        return report.isClean() ? 0 : 1;
    }
}
