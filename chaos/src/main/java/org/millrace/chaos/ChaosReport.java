// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * What a chaos run showed.
 *
 * @param failedCommits lines of logs that tell of one
 * @param checkpointBytes uploaded by each checkpoint, ascending
 */
record ChaosReport(
        long seed,
        List<KillRecord> kills,
        int requests,
        Verdict verdict,
        JournalAudit audit,
        List<String> failedCommits,
        double[] checkpointBytes) {

    /** Whether nothing was lost, doubled, changed, or computed again that was saved. */
    boolean isClean() {
        return verdict.isClean()
                && audit.promptTokensRecomputed() == 0
                && failedCommits.isEmpty()
                && kills.stream().allMatch(kill -> kill.live() >= Moment.MIN_LIVE);
    }

    /** A table for people. */
    String table() {
        List<String[]> rows = new ArrayList<>();
        rows.add(row("seed", seed));
        rows.add(row("faults", kills.size()));
        count(FaultKind.class, KillRecord::kind)
                .forEach((kind, count) -> rows.add(row("  " + kind, count)));
        rows.add(row("faults by phase", ""));
        count(Phase.class, KillRecord::phase)
                .forEach((phase, count) -> rows.add(row("  " + phase, count)));
        rows.add(row("fewest live generations at a fault", fewestLive()));
        rows.add(row("restores", audit.restores()));
        rows.add(row("requests", requests));
        rows.add(row("requests lost", verdict.lost().size()));
        rows.add(row("requests doubled", verdict.doubled().size()));
        rows.add(row("requests changed", verdict.changed().size()));
        rows.add(row("failed commits", failedCommits.size()));
        rows.add(row("saved prompt tokens computed again", audit.promptTokensRecomputed()));
        rows.add(row("tokens redone since the last checkpoint", audit.tokensRedone()));
        rows.add(row("seconds to first session's next token", seconds(Recovery::firstSeconds)));
        rows.add(row("seconds to last session's next token", seconds(Recovery::lastSeconds)));
        Spread bytes = Spread.of(checkpointBytes);
        rows.add(
                row("MiB per checkpoint median, p99, max", bytes.format(value -> value / 1048576)));
        Column[] columns = {
            new Column().dataAlign(HorizontalAlign.LEFT),
            new Column().dataAlign(HorizontalAlign.RIGHT)
        };
        return AsciiTable.getTable(
                AsciiTable.BASIC_ASCII_NO_DATA_SEPARATORS, columns, rows.toArray(String[][]::new));
    }

    private static String[] row(String name, Object value) {
        return new String[] {name, value.toString()};
    }

    private String seconds(ToDoubleFunction<Recovery> field) {
        return spread(field).format(value -> value) + " (median, p99, max)";
    }

    /** One JSON document. */
    String json() {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("seed", seed).put("kills", kills.size());
        ObjectNode byKind = root.putObject("kills_by_kind");
        count(FaultKind.class, KillRecord::kind)
                .forEach((kind, count) -> byKind.put(kind.toString(), count));
        ObjectNode byPhase = root.putObject("kills_by_phase");
        count(Phase.class, KillRecord::phase)
                .forEach((phase, count) -> byPhase.put(phase.toString(), count));
        root.put("restores", audit.restores());
        root.put("requests", requests);
        root.put("requests_lost", verdict.lost().size());
        root.put("requests_doubled", verdict.doubled().size());
        root.put("requests_changed", verdict.changed().size());
        root.put("prompt_tokens_recomputed", audit.promptTokensRecomputed());
        root.put("tokens_redone", audit.tokensRedone());
        root.put("failed_commits", failedCommits.size());
        ObjectNode seconds = root.putObject("seconds_to_next_token");
        spread(Recovery::firstSeconds).put(seconds.putObject("first"));
        spread(Recovery::lastSeconds).put(seconds.putObject("last"));
        Spread.of(checkpointBytes).put(root.putObject("checkpoint_bytes"));
        return root.toPrettyString();
    }

    /** What is wrong, a line each. */
    List<String> findings() {
        List<String> findings = new ArrayList<>();
        verdict.lost().forEach(turn -> findings.add("lost: " + turn));
        verdict.doubled().forEach(turn -> findings.add("doubled: " + turn));
        verdict.changed().forEach(turn -> findings.add("changed: " + turn));
        failedCommits.forEach(line -> findings.add("failed commit: " + line));
        kills.stream()
                .filter(kill -> kill.live() < Moment.MIN_LIVE)
                .forEach(kill -> findings.add("too few live generations: " + kill));
        return findings;
    }

    private int fewestLive() {
        return kills.stream().mapToInt(KillRecord::live).min().orElse(0);
    }

    private <E extends Enum<E>> Map<E, Integer> count(
            Class<E> type, Function<KillRecord, E> field) {
        Map<E, Integer> counts = new EnumMap<>(type);
        Arrays.stream(type.getEnumConstants()).forEach(value -> counts.put(value, 0));
        kills.forEach(kill -> counts.merge(field.apply(kill), 1, Integer::sum));
        return counts;
    }

    /** Of the faults that the next one did not cut short. */
    private Spread spread(ToDoubleFunction<Recovery> field) {
        return Spread.of(
                kills.stream()
                        .map(KillRecord::recovery)
                        .filter(Recovery::isComplete)
                        .mapToDouble(field)
                        .sorted()
                        .toArray());
    }

    /** Median, 99th percentile (nearest rank) and maximum of some values; 0 if there is none. */
    private record Spread(double median, double p99, double max) {
        private static Spread of(double[] sorted) {
            return new Spread(rank(sorted, 50), rank(sorted, 99), rank(sorted, 100));
        }

        private static double rank(double[] sorted, int percent) {
            return sorted.length == 0
                    ? 0
                    : sorted[(int) Math.ceil(percent / 100.0 * sorted.length) - 1];
        }

        private String format(Function<Double, Double> unit) {
            return String.format(
                    Locale.ROOT,
                    "%.1f, %.1f, %.1f",
                    unit.apply(median),
                    unit.apply(p99),
                    unit.apply(max));
        }

        private void put(ObjectNode node) {
            node.put("median", median).put("p99", p99).put("max", max);
        }
    }
}
