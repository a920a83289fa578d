// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.millrace.bench.CompressionBench.EngineCosts;
import org.millrace.bench.SavepointBench.StateCosts;
import org.millrace.eval.Machine;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The command behind {@code bench/run --compression}. */
@Command(
        name = "bench/run --compression",
        sortOptions = false,
        description = {
            "Measures what retention policies cost and save: prefill, decode steps and memory of the bare engine, and the"
                    + " savepoint of the real job, beside the full cache. Wants an otherwise idle machine.",
            "With --shape=llama-1b or --shape=llama-8b the model is one of that shape with random weights, for bytes and speed"
                    + " only."
        })
final class CompressionCommand implements Callable<Integer> {
    private static final double MIB = 1 << 20;
    private static final int SAVEPOINT_WORDS = 1000;

    @Mixin private BenchArguments arguments;

    @Option(names = "--threads", description = "Compute threads (default: one per processor).")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(
            names = "--policy",
            paramLabel = "RETENTION",
            description =
                    "Policies with their options, beside full (default: fastgen, fastgen keep=0.5, kvzip keep=0.5, kvzip keep=0.25).")
    private List<String> policies =
            List.of("fastgen", "fastgen keep=0.5", "kvzip keep=0.5", "kvzip keep=0.25");

    @Option(
            names = "--device",
            defaultValue = "cpu",
            description = "cpu or cuda, for the bare engine (default: ${DEFAULT-VALUE}).")
    private String device;

    @Option(
            names = "--sessions",
            defaultValue = "32",
            description = "Sessions in the batch (default: ${DEFAULT-VALUE}).")
    private int sessions;

    @Option(
            names = "--context",
            defaultValue = "4096",
            description = "Tokens of each when decode is measured (default: ${DEFAULT-VALUE}).")
    private int context;

    /** What was measured of a policy. */
    record Row(String policy, EngineCosts engine, StateCosts state) {}

    public static void main(String[] args) {
        System.exit(
                new CommandLine(new CompressionCommand())
                        .setCaseInsensitiveEnumValuesAllowed(true)
                        .execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(List.of("full"));
        all.addAll(policies);
        List<Row> rows = new ArrayList<>();
        for (String policy : all) {
            EngineCosts engine =
                    arguments.measure(
                            EngineCosts.class,
                            CompressionBench.class,
                            List.of(),
                            threads,
                            device,
                            sessions,
                            context,
                            policy);
            StateCosts state =
                    arguments.measure(
                            StateCosts.class,
                            SavepointBench.class,
                            List.of(),
                            threads,
                            sessions,
                            SAVEPOINT_WORDS,
                            policy,
                            arguments.runDirectory("state"));
            System.err.println(policy + ": " + engine + ", " + state);
            rows.add(new Row(policy, engine, state));
        }
        System.out.println(arguments.json() ? Reports.toJson(rows) : table(rows));
        return 0;
    }

    private String table(List<Row> rows) throws IOException {
        Row full = rows.get(0);
        Map<String, Function<Row, String>> columns = new LinkedHashMap<>();
        columns.put("policy", Row::policy);
        columns.put("slots kept", row -> percent(row.engine().keptShare()));
        columns.put("prefill of 1,024, s", row -> number("%.3f", row.engine().prefillSeconds()));
        columns.put(
                "added",
                row ->
                        percent(
                                row.engine().prefillSeconds() / row.engine().fullPrefillSeconds()
                                        - 1));
        columns.put(
                "of it compaction",
                row -> percent(row.engine().compactSeconds() / row.engine().fullPrefillSeconds()));
        columns.put("decode step, ms", row -> number("%.1f", row.engine().stepMillis()));
        columns.put("attention, ms", row -> number("%.1f", attentionMillis(row.engine())));
        columns.put(
                "attention saved",
                row -> percent(1 - attentionMillis(row.engine()) / attentionMillis(full.engine())));
        columns.put("tokens/s", row -> number("%.0f", row.engine().tokensPerSecond()));
        columns.put("pool, MiB a session", row -> mebibytes(row.engine().cacheBytes()));
        columns.put("of full", row -> share(row.engine().cacheBytes(), row.engine().fullBytes()));
        columns.put("state, MiB a session", row -> mebibytes(row.engine().savedBytes()));
        columns.put(
                "of full ", row -> share(row.engine().savedBytes(), full.engine().savedBytes()));
        columns.put("RSS, MiB", row -> mebibytes(row.engine().residentBytes()));
        columns.put("savepoint, MiB", row -> mebibytes(row.state().savepointBytes()));
        columns.put(
                "of full  ",
                row -> share(row.state().savepointBytes(), full.state().savepointBytes()));
        List<ColumnData<Map.Entry<String, Function<Row, String>>>> data = new ArrayList<>();
        data.add(new Column().header("").with(Map.Entry::getKey));
        for (Row row : rows) {
            data.add(
                    new Column()
                            .header("")
                            .dataAlign(HorizontalAlign.RIGHT)
                            .with(line -> line.getValue().apply(row)));
        }
        return String.format(
                Locale.ROOT,
                "%s, %s, %s, load %.2f; %d sessions of %d tokens, %s cache, %d threads; savepoint: %d sessions of %d words%n%s",
                arguments.modelName(),
                Machine.processor(),
                device,
                arguments.loadAverage(),
                sessions,
                context,
                arguments.kvType().name().toLowerCase(Locale.ROOT),
                threads,
                sessions,
                SAVEPOINT_WORDS,
                AsciiTable.getTable(columns.entrySet(), data));
    }

    private static double attentionMillis(EngineCosts costs) {
        return costs.stepMillis() - costs.shortStepMillis();
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    private static String percent(double share) {
        return number("%.1f %%", 100 * share);
    }

    private static String share(long part, long whole) {
        return percent((double) part / whole);
    }

    private static String mebibytes(long bytes) {
        return number("%.2f", bytes / MIB);
    }
}
