package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.millrace.bench.RecoveryBench.Costs;
import org.millrace.engine.kvcache.KvType;
import org.millrace.jobs.eval.Machine;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command behind {@code bench/run --recovery}. */
@Command(
        name = "bench/run --recovery",
        sortOptions = false,
        description = {
            "Measures what checkpoints of many live sessions cost the task of the real job, and how soon all of them go on after"
                    + " a failure, beside the time to prefill them. Wants an otherwise idle machine, 16 GB of memory and 30 GB"
                    + " of disk."
        })
final class RecoveryCommand implements Callable<Integer> {
    private static final double GIB = 1 << 30;

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
            names = "--state-backend",
            paramLabel = "NAME",
            description = "State backends (default: hashmap, rocksdb).")
    private List<String> backends = List.of("hashmap", "rocksdb");

    @Option(
            names = "--sessions",
            defaultValue = "256",
            description = "Live sessions (default: ${DEFAULT-VALUE}).")
    private int sessions;

    @Option(
            names = "--words",
            defaultValue = "1000",
            description =
                    "Length of each session's prompt in words, about as many tokens (default: ${DEFAULT-VALUE}).")
    private int words;

    @Option(
            names = "--checkpoints",
            defaultValue = "20",
            description = "Checkpoints that are measured (default: ${DEFAULT-VALUE}).")
    private int checkpoints;

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

    public static void main(String[] args) {
        System.exit(
                new CommandLine(new RecoveryCommand())
                        .setCaseInsensitiveEnumValuesAllowed(true)
                        .execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        List<Costs> all = new ArrayList<>();
        for (String backend : backends) {
            Costs costs = measure(backend);
            System.err.println(costs);
            all.add(costs);
        }
        System.out.println(json ? Reports.toJson(all) : table(all));
        return 0;
    }

    private Costs measure(String backend) throws IOException, InterruptedException {
        List<String> output =
                Processes.run(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                // Flink's data stream API opens it by reflection.
                                "--add-opens=java.base/java.util=ALL-UNNAMED",
                                "-Xmx8g",
                                "-cp",
                                System.getProperty("java.class.path"),
                                RecoveryBench.class.getName(),
                                model.toString(),
                                kvType.name(),
                                Integer.toString(threads),
                                Integer.toString(sessions),
                                Integer.toString(words),
                                backend,
                                Integer.toString(checkpoints),
                                workDirectory
                                        .resolve("recovery-" + ProcessHandle.current().pid())
                                        .toString()));
        return new ObjectMapper().readValue(output.get(output.size() - 1), Costs.class);
    }

    private String table(List<Costs> all) throws IOException {
        Map<String, Function<Costs, String>> lines = new LinkedHashMap<>();
        lines.put("stall p50, p95, longest, ms", costs -> percentiles(costs.stallMillis()));
        lines.put(
                "checkpoint p50, p95, longest, ms", costs -> percentiles(costs.checkpointMillis()));
        lines.put(
                "written a checkpoint, GiB",
                costs -> number(costs.checkpointBytes() / GIB / costs.stallMillis().size()));
        lines.put("state, GiB", costs -> number(costs.stateBytes() / GIB));
        lines.put("task runs again, s", costs -> number(costs.runningSeconds()));
        lines.put("first session's next token, s", costs -> number(costs.firstTokenSeconds()));
        lines.put("last session's next token, s", costs -> number(costs.lastTokenSeconds()));
        lines.put(
                "state by that time, GiB/s",
                costs -> number(costs.stateBytes() / GIB / costs.lastTokenSeconds()));
        lines.put("prefilling them, s", costs -> number(costs.prefillSeconds()));
        lines.put("of tokens", costs -> Long.toString(costs.promptTokens()));
        List<ColumnData<Map.Entry<String, Function<Costs, String>>>> columns = new ArrayList<>();
        columns.add(new Column().header("").with(Map.Entry::getKey));
        for (Costs costs : all) {
            columns.add(
                    new Column()
                            .header(costs.backend())
                            .dataAlign(HorizontalAlign.RIGHT)
                            .with(line -> line.getValue().apply(costs)));
        }
        return String.format(
                Locale.ROOT,
                "%s, %s, load %.2f; %d live sessions, %s cache, %d threads, %d checkpoints%n%s",
                model.getFileName(),
                Machine.processor(),
                loadAverage,
                sessions,
                kvType.name().toLowerCase(Locale.ROOT),
                threads,
                checkpoints,
                AsciiTable.getTable(lines.entrySet(), columns));
    }

    private static String percentiles(List<Long> ascending) {
        int last = ascending.size() - 1;
        return ascending.get(last / 2)
                + ", "
                + ascending.get((int) Math.ceil(0.95 * (last + 1)) - 1)
                + ", "
                + ascending.get(last);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }
}
