// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** A comparison for people. */
final class Table {
    private Table() {}

    static String render(Comparison comparison) {
        List<String> peers = List.copyOf(comparison.rows().get(0).ratios().keySet());
        List<ColumnData<Comparison.Row>> columns = new ArrayList<>();
        columns.add(new Column().header("tokens/s").with(row -> row.workload().title()));
        columns.add(number("threads", row -> Integer.toString(row.threads())));
        columns.add(number(Millrace.NAME, row -> speed(row, Millrace.NAME)));
        for (String peer : peers) {
            columns.add(number(peer, row -> speed(row, peer)));
            columns.add(
                    number(
                            "ratio",
                            row -> String.format(Locale.ROOT, "%.2fx", row.ratios().get(peer))));
        }
        return String.format(
                Locale.ROOT,
                "%s, %s, load %.2f, medians of %d rounds%n%s",
                comparison.model(),
                comparison.processor(),
                comparison.loadAverage(),
                comparison.rounds(),
                AsciiTable.getTable(comparison.rows(), columns));
    }

    private static String speed(Comparison.Row row, String name) {
        return String.format(Locale.ROOT, "%.0f", row.tokensPerSecond().get(name));
    }

    private static ColumnData<Comparison.Row> number(
            String title, Function<Comparison.Row, String> value) {
        return new Column().header(title).dataAlign(HorizontalAlign.RIGHT).with(value);
    }
}
