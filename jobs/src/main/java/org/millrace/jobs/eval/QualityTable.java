package org.millrace.jobs.eval;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.millrace.engine.kvcache.policy.Retention;

/** Results as a table for people. */
public final class QualityTable {
    private QualityTable() {}

    /** The policy, and those of its options that are not its defaults. */
    public static String label(Retention retention) {
        if (retention.options().isEmpty()) {
            return retention.policy();
        }
        Retention defaults = Retention.of(retention.policy());
        return retention.options().entrySet().stream()
                .filter(
                        option ->
                                !defaults.options().get(option.getKey()).equals(option.getValue()))
                .map(option -> " " + option.getKey().key() + "=" + option.getValue())
                .collect(Collectors.joining("", retention.policy(), ""));
    }

    /** One line a result. */
    public static String of(List<QualityResult> results) {
        List<ColumnData<QualityResult>> columns =
                List.of(
                        column("policy", HorizontalAlign.LEFT, r -> label(r.retention())),
                        column("context", r -> Integer.toString(r.context())),
                        column("pruned %", r -> percent(1, r.pruned())),
                        column("bytes %", r -> percent(1, r.bytesShare())),
                        column("at end %", r -> percent(1, r.bytesShareAtEnd())),
                        column("NLL gap %", r -> percent(2, r.gap())),
                        column("95 of 100", QualityTable::interval),
                        column("worst", r -> percent(1, r.worstGap())),
                        column("KL", r -> decimal(4, r.divergence())),
                        column("KL 99 %", r -> decimal(3, r.divergence99())),
                        column("worst", r -> decimal(3, r.worstDivergence())),
                        column("top-1 %", r -> percent(1, r.agreement())));
        return AsciiTable.getTable(AsciiTable.BASIC_ASCII_NO_DATA_SEPARATORS, results, columns);
    }

    private static ColumnData<QualityResult> column(
            String header, Function<QualityResult, String> cell) {
        return column(header, HorizontalAlign.RIGHT, cell);
    }

    private static ColumnData<QualityResult> column(
            String header, HorizontalAlign align, Function<QualityResult, String> cell) {
        return new Column()
                .header(header)
                .headerAlign(align)
                .dataAlign(align)
                .maxWidth(100)
                .with(cell);
    }

    private static String interval(QualityResult result) {
        return percent(2, result.gapInterval().low())
                + " .. "
                + percent(2, result.gapInterval().high());
    }

    private static String percent(int digits, double share) {
        return decimal(digits, 100 * share);
    }

    private static String decimal(int digits, double value) {
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}
