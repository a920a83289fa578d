// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * The job from Kafka to Kafka beside the bare engine.
 *
 * @param model file name
 * @param processor as the kernel names it
 * @param loadAverage of the minute before anything was started
 * @param rows one per thread count
 */
record EndToEndComparison(
        String model,
        String processor,
        double loadAverage,
        int sessions,
        String kvType,
        List<Row> rows) {

    /**
     * Both with as many compute threads.
     *
     * @param job medians over rounds
     * @param bare medians over rounds
     * @param ratio job to bare engine in tokens per second: the median of the ratios within a round
     * @param rounds in their order
     */
    record Row(int threads, Medians job, Medians bare, double ratio, List<Round> rounds) {
        static Row of(int threads, List<Round> rounds) {
            return new Row(
                    threads,
                    Medians.of(rounds.stream().map(Round::job).toList()),
                    Medians.of(rounds.stream().map(Round::bare).toList()),
                    Comparison.median(rounds.stream().map(Round::ratio).toList()),
                    rounds);
        }
    }

    /** Medians over rounds, each by itself. */
    record Medians(
            double tokensPerSecond, double lastTokenSeconds, double seconds, double checkpoints) {
        private static Medians of(List<Throughput> runs) {
            return new Medians(
                    median(runs, Throughput::tokensPerSecond),
                    median(runs, Throughput::lastTokenSeconds),
                    median(runs, Throughput::seconds),
                    median(runs, Throughput::checkpoints));
        }
    }

    /** The two of them, one right after the other. */
    record Round(Throughput job, Throughput bare) {
        /** Checkpoints are asked for each second; a slow one may take the place of two more. */
        private static final int MAX_SECONDS_PER_CHECKPOINT = 3;

        /**
         * @throws IllegalStateException if the two did not do the same work, or the job completed
         *     too few checkpoints
         */
        Round {
            if (job.promptTokens() != bare.promptTokens()
                    || job.generatedTokens() != bare.generatedTokens()) {
                throw new IllegalStateException("not the same work: job=" + job + ", bare=" + bare);
            }
            if (job.checkpoints() < job.seconds() / MAX_SECONDS_PER_CHECKPOINT) {
                throw new IllegalStateException(
                        String.format(
                                Locale.ROOT,
                                "too few checkpoints: checkpoints=%d in seconds=%.1f, must be one in %d seconds;"
                                        + " is the disk slow or the machine busy?",
                                job.checkpoints(),
                                job.seconds(),
                                MAX_SECONDS_PER_CHECKPOINT));
            }
        }

        double ratio() {
            return job.tokensPerSecond() / bare.tokensPerSecond();
        }
    }

    private static double median(List<Throughput> runs, ToDoubleFunction<Throughput> value) {
        return Comparison.median(runs.stream().mapToDouble(value).boxed().toList());
    }

    /** For people. */
    String table() {
        List<ColumnData<Row>> columns =
                List.of(
                        number("threads", row -> Integer.toString(row.threads())),
                        number("Kafka to Kafka", row -> one(row.job().tokensPerSecond())),
                        number("bare engine", row -> one(row.bare().tokensPerSecond())),
                        number("ratio", row -> String.format(Locale.ROOT, "%.3f", row.ratio())),
                        number("last token, s", row -> one(row.job().lastTokenSeconds())),
                        number("last answer, s", row -> one(row.job().seconds())),
                        number("bare, s", row -> one(row.bare().seconds())),
                        number(
                                "checkpoints",
                                row ->
                                        String.format(
                                                Locale.ROOT, "%.0f", row.job().checkpoints())));
        return String.format(
                Locale.ROOT,
                "%s, %s, load %.2f%ntokens/s of %d sessions, %s cache, medians of %d rounds%n%s",
                model,
                processor,
                loadAverage,
                sessions,
                kvType,
                rows.get(0).rounds().size(),
                AsciiTable.getTable(rows, columns));
    }

    private static String one(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }

    private static ColumnData<Row> number(String title, Function<Row, String> value) {
        return new Column().header(title).dataAlign(HorizontalAlign.RIGHT).with(value);
    }
}
