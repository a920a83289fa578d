// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.millrace.eval.Machine;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The command behind {@code bench/run --latency}. */
@Command(
        name = "bench/run --latency",
        sortOptions = false,
        description = {
            "Measures how long short prompts and sessions that decode wait while six prompts of 2,000 tokens are computed, on the"
                    + " bare engine. Wants an otherwise idle machine."
        })
final class LatencyCommand implements Callable<Integer> {
    @Mixin private BenchArguments arguments;

    @Option(
            names = "--rounds",
            defaultValue = "3",
            description = "Rounds, each with every bound in turn (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--max-step-millis",
            split = ",",
            paramLabel = "MS",
            defaultValue = "200,1000000",
            description = "Bounds on a step's time that are compared (default: ${DEFAULT-VALUE}).")
    private List<Integer> bounds;

    @Option(names = "--threads", description = "Compute threads (default: one per processor).")
    private int threads = Runtime.getRuntime().availableProcessors();

    /** What one run of a bound showed. */
    private record Run(int round, int maxStepMillis, Latencies latencies) {}

    public static void main(String[] args) {
        System.exit(
                new CommandLine(new LatencyCommand())
                        .setCaseInsensitiveEnumValuesAllowed(true)
                        .execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        List<Run> runs = new ArrayList<>();
        for (int round = 1; round <= rounds; round++) {
            for (int bound : bounds) {
                runs.add(
                        new Run(
                                round,
                                bound,
                                arguments.measure(
                                        Latencies.class,
                                        LatencyBench.class,
                                        List.of(),
                                        threads,
                                        bound)));
            }
        }
        System.out.println(arguments.json() ? Reports.toJson(runs) : table(runs));
        return 0;
    }

    private String table(List<Run> runs) throws IOException {
        List<ColumnData<Run>> columns =
                List.of(
                        column("round", run -> Integer.toString(run.round())),
                        column("bound, ms", run -> Integer.toString(run.maxStepMillis())),
                        column(
                                "40 tokens alone, first token, ms",
                                run -> medianAndLongest(run.latencies().aloneMillis())),
                        column(
                                "beside six of 2,000",
                                run -> medianAndLongest(run.latencies().shortMillis())),
                        column("of 2,000", run -> medianAndLongest(run.latencies().longMillis())),
                        column(
                                "between tokens",
                                run -> medianAndLongest(run.latencies().gapMillis())),
                        column(
                                "tokens/s",
                                run -> number("%.0f", run.latencies().tokensPerSecond())),
                        column(
                                "all answered, s",
                                run -> number("%.1f", run.latencies().seconds())));
        return String.format(
                Locale.ROOT,
                "%s, %s, load %.2f, %s cache, %d threads; times as median and longest%n%s",
                arguments.modelName(),
                Machine.processor(),
                arguments.loadAverage(),
                arguments.kvType().name().toLowerCase(Locale.ROOT),
                threads,
                AsciiTable.getTable(runs, columns));
    }

    private static ColumnData<Run> column(String header, Function<Run, String> value) {
        return new Column().header(header).dataAlign(HorizontalAlign.RIGHT).with(value::apply);
    }

    private static String medianAndLongest(List<Long> ascending) {
        int last = ascending.size() - 1;
        return ascending.get(last / 2) + ", " + ascending.get(last);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
