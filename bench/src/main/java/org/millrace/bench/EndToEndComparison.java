package org.millrace.bench;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * The job from Kafka to Kafka beside the bare engine.
 *
 * @param model file name
 * @param processor as the kernel names it
 * @param loadAverage of the minute before anything was started
 * @param settings what both ran
 * @param job medians over rounds
 * @param bare medians over rounds
 * @param ratio job to bare engine in tokens per second: the median of the ratios within a round
 * @param rounds in their order
 */
record EndToEndComparison(
        String model,
        String processor,
        double loadAverage,
        Settings settings,
        Medians job,
        Medians bare,
        double ratio,
        List<Round> rounds) {

    /** What both ran. */
    record Settings(int sessions, String kvType, int threads) {}

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

    static EndToEndComparison of(
            String model,
            String processor,
            double loadAverage,
            Settings settings,
            List<Round> rounds) {
        return new EndToEndComparison(
                model,
                processor,
                loadAverage,
                settings,
                Medians.of(rounds.stream().map(Round::job).toList()),
                Medians.of(rounds.stream().map(Round::bare).toList()),
                Comparison.median(rounds.stream().map(Round::ratio).toList()),
                rounds);
    }

    private static double median(List<Throughput> runs, ToDoubleFunction<Throughput> value) {
        return Comparison.median(runs.stream().mapToDouble(value).boxed().toList());
    }

    /** For people. */
    String table() {
        String[] header = {"", "tokens/s", "last token, s", "last answer, s", "checkpoints"};
        Column[] columns = new Column[header.length];
        for (int i = 0; i < columns.length; i++) {
            columns[i] =
                    new Column()
                            .header(header[i])
                            .dataAlign(i == 0 ? HorizontalAlign.LEFT : HorizontalAlign.RIGHT);
        }
        String[][] rows = {row("Kafka to Kafka", job), row("bare engine", bare)};
        return String.format(
                Locale.ROOT,
                "%s, %s, load %.2f%n%d sessions, %s cache; threads: %d, rounds: %d (medians)%n%s%nratio %.3f",
                model,
                processor,
                loadAverage,
                settings.sessions(),
                settings.kvType(),
                settings.threads(),
                rounds.size(),
                AsciiTable.getTable(columns, rows),
                ratio);
    }

    private static String[] row(String name, Medians medians) {
        return new String[] {
            name,
            String.format(Locale.ROOT, "%.1f", medians.tokensPerSecond()),
            String.format(Locale.ROOT, "%.2f", medians.lastTokenSeconds()),
            String.format(Locale.ROOT, "%.2f", medians.seconds()),
            String.format(Locale.ROOT, "%.0f", medians.checkpoints())
        };
    }
}
