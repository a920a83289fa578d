package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.millrace.engine.kvcache.KvType;
import org.millrace.jobs.eval.Machine;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command behind {@code bench/run --end-to-end}. */
@Command(
        name = "bench/run --end-to-end",
        sortOptions = false,
        description = {
            "Measures the job from Kafka to Kafka (exactly once, RocksDB, a checkpoint each second) beside the bare engine on the"
                    + " same requests, in turn. Prints medians and the ratio. Wants an otherwise idle machine."
        })
final class EndToEndCommand implements Callable<Integer> {
    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Print this help.")
    private boolean help;

    @Option(names = "--model", required = true, hidden = true)
    private Path model;

    @Option(names = "--work-dir", required = true, hidden = true)
    private Path workDirectory;

    @Option(names = "--load-average", required = true, hidden = true)
    private double loadAverage;

    @Option(
            names = "--rounds",
            defaultValue = "3",
            description =
                    "Rounds, each with the job and the bare engine (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--sessions",
            defaultValue = "256",
            description = "Sessions, all asked for at once (default: ${DEFAULT-VALUE}).")
    private int sessions;

    @Option(
            names = "--kv-type",
            defaultValue = "INT8",
            description =
                    "Type of cached keys and values: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private KvType kvType;

    @Option(names = "--threads", description = "Compute threads (default: one per processor).")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--json", description = "Print one JSON document instead of the table.")
    private boolean json;

    @Spec private CommandSpec spec;

    public static void main(String[] args) {
        System.exit(
                new CommandLine(new EndToEndCommand())
                        .setCaseInsensitiveEnumValuesAllowed(true)
                        .execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        checkAtLeastOne("--rounds", rounds);
        checkAtLeastOne("--sessions", sessions);
        checkAtLeastOne("--threads", threads);
        List<EndToEndComparison.Round> measured = new ArrayList<>();
        for (int i = 1; i <= rounds; i++) {
            Throughput job = measure(JobBench.class, runDirectory().toString());
            Throughput bare = measure(BareBench.class);
            EndToEndComparison.Round round = new EndToEndComparison.Round(job, bare);
            System.err.printf(
                    "round %d of %d: Kafka to Kafka %.1f tokens/s (%d checkpoints), bare engine %.1f, ratio %.3f%n",
                    i,
                    rounds,
                    job.tokensPerSecond(),
                    job.checkpoints(),
                    bare.tokensPerSecond(),
                    round.ratio());
            measured.add(round);
        }
        EndToEndComparison comparison =
                EndToEndComparison.of(
                        model.getFileName().toString(),
                        Machine.processor(),
                        loadAverage,
                        new EndToEndComparison.Settings(sessions, kvType.name(), threads),
                        measured);
        System.out.println(json ? Reports.toJson(comparison) : comparison.table());
        return 0;
    }

    private void checkAtLeastOne(String option, int value) {
        if (value < 1) {
            throw new ParameterException(
                    spec.commandLine(),
                    "bad " + option + ": " + option + "=" + value + ", must be >= 1");
        }
    }

    private Path runDirectory() {
        return workDirectory.resolve("end-to-end-" + ProcessHandle.current().pid());
    }

    private Throughput measure(Class<?> program, String... more)
            throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                // Flink's data stream API opens it by reflection.
                                "--add-opens=java.base/java.util=ALL-UNNAMED",
                                "-cp",
                                System.getProperty("java.class.path"),
                                program.getName(),
                                model.toString(),
                                kvType.name(),
                                Integer.toString(threads),
                                Integer.toString(sessions)));
        command.addAll(List.of(more));
        List<String> output = Processes.run(command);
        return new ObjectMapper().readValue(output.get(output.size() - 1), Throughput.class);
    }
}
