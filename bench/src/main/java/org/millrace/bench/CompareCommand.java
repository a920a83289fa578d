// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.millrace.eval.Machine;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command behind {@code bench/run}. */
@Command(
        name = "bench/run",
        sortOptions = false,
        description = {
            "Measures Millrace beside llama.cpp, in turn, on the same threads and the same model file, and beside llama.cpp"
                    + " on its own Q4_0 of it. Prints medians and ratios. Wants an otherwise idle machine.",
            "With --end-to-end it measures the job from Kafka to Kafka beside the bare engine instead, with"
                    + " --compression what retention policies cost and save, with --recovery checkpoints and restores of many"
                    + " sessions; each has its own --help."
        })
final class CompareCommand implements Callable<Integer> {
    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Print this help.")
    private boolean help;

    @Option(names = "--llama-cpp", required = true, hidden = true)
    private Path llamaCpp;

    @Option(names = "--model", required = true, hidden = true)
    private Path model;

    @Option(names = "--q4-0", required = true, hidden = true)
    private Path requantized;

    @Option(names = "--load-average", required = true, hidden = true)
    private double loadAverage;

    @Option(
            names = "--rounds",
            defaultValue = "3",
            description = "Rounds, each with every contender in turn (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--threads",
            split = ",",
            defaultValue = "1,2",
            description = "Thread counts, each compared by itself (default: ${DEFAULT-VALUE}).")
    private List<Integer> threads;

    @Option(names = "--json", description = "Print one JSON document instead of the table.")
    private boolean json;

    public static void main(String[] args) {
        System.exit(new CommandLine(new CompareCommand()).execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        List<Contender> contenders =
                List.of(
                        new Millrace(model),
                        new LlamaCpp("llama.cpp", llamaCpp, model),
                        new LlamaCpp("llama.cpp Q4_0", llamaCpp, requantized));
        List<Comparison.Row> rows = new Rounds(contenders, rounds, threads).run();
        Comparison comparison =
                new Comparison(
                        model.getFileName().toString(),
                        Machine.processor(),
                        loadAverage,
                        rounds,
                        rows);
        System.out.println(json ? Reports.toJson(comparison) : Table.render(comparison));
        return 0;
    }
}
