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
import org.millrace.bench.RecoveryBench.Costs;
import org.millrace.eval.Machine;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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

    @Mixin private BenchArguments arguments;

    @Option(names = "--threads", description = "Compute threads (default: one per processor).")
    private int threads = Runtime.getRuntime().availableProcessors();

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
        System.out.println(arguments.json() ? Reports.toJson(all) : table(all));
        return 0;
    }

    private Costs measure(String backend) throws IOException, InterruptedException {
        return arguments.measure(
                Costs.class,
                RecoveryBench.class,
                // As a TaskManager's heap that was in use for a while.
                List.of("-Xms8g", "-Xmx8g", "-XX:+AlwaysPreTouch"),
                threads,
                sessions,
                words,
                backend,
                checkpoints,
                arguments.runDirectory("recovery"));
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
        lines.put("task's initialization, s", costs -> number(costs.initializationSeconds()));
        lines.put("task runs again, s", costs -> number(costs.runningSeconds()));
        lines.put("all sessions in the batch, s", costs -> number(costs.restoredSeconds()));
        lines.put("first session's next token, s", costs -> number(costs.firstTokenSeconds()));
        lines.put("last session's next token, s", costs -> number(costs.lastTokenSeconds()));
        lines.put(
                "state restored by the task, GiB/s",
                costs -> rate(costs, costs.sinceDeployment(costs.restoredSeconds())));
        lines.put(
                "the same up to the last session's next token, GiB/s",
                costs -> rate(costs, costs.sinceDeployment(costs.lastTokenSeconds())));
        lines.put(
                "the same from the failure on, GiB/s",
                costs -> rate(costs, costs.lastTokenSeconds()));
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
                arguments.modelName(),
                Machine.processor(),
                arguments.loadAverage(),
                sessions,
                arguments.kvType().name().toLowerCase(Locale.ROOT),
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

    private static String rate(Costs costs, double seconds) {
        return number(costs.stateBytes() / GIB / seconds);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }
}
