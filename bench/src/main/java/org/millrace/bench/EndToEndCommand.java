// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.millrace.eval.Machine;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
    @Mixin private BenchArguments arguments;

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
            names = "--threads",
            split = ",",
            defaultValue = "1,2",
            description =
                    "Compute threads of both; several counts are measured one after the other (default: ${DEFAULT-VALUE}).")
    private List<Integer> threads;

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
        threads.forEach(count -> checkAtLeastOne("--threads", count));
        List<EndToEndComparison.Row> rows = new ArrayList<>();
        for (int count : threads) {
            rows.add(EndToEndComparison.Row.of(count, measureRounds(count)));
        }
        EndToEndComparison comparison =
                new EndToEndComparison(
                        arguments.modelName(),
                        Machine.processor(),
                        arguments.loadAverage(),
                        sessions,
                        arguments.kvType().name(),
                        rows);
        System.out.println(arguments.json() ? Reports.toJson(comparison) : comparison.table());
        return 0;
    }

    private List<EndToEndComparison.Round> measureRounds(int threads)
            throws IOException, InterruptedException {
        List<EndToEndComparison.Round> measured = new ArrayList<>();
        for (int i = 1; i <= rounds; i++) {
            Throughput job = measure(threads, JobBench.class, arguments.runDirectory("end-to-end"));
            Throughput bare = measure(threads, BareBench.class);
            EndToEndComparison.Round round = new EndToEndComparison.Round(job, bare);
            System.err.printf(
                    "round %d of %d, threads=%d: Kafka to Kafka %.1f tokens/s (%d checkpoints), bare engine %.1f, ratio %.3f%n",
                    i,
                    rounds,
                    threads,
                    job.tokensPerSecond(),
                    job.checkpoints(),
                    bare.tokensPerSecond(),
                    round.ratio());
            measured.add(round);
        }
        return measured;
    }

    private void checkAtLeastOne(String option, int value) {
        if (value < 1) {
            throw new ParameterException(
                    spec.commandLine(),
                    "bad " + option + ": " + option + "=" + value + ", must be >= 1");
        }
    }

    private Throughput measure(int threads, Class<?> program, Object... more)
            throws IOException, InterruptedException {
        List<Object> all = new ArrayList<>(List.of(sessions));
        all.addAll(List.of(more));
        return arguments.measure(Throughput.class, program, List.of(), threads, all.toArray());
    }
}
