// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.ColumnData;
import com.github.freva.asciitable.HorizontalAlign;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Results as rows of text; the first column names what they are of.
 *
 * @param title what is measured
 * @param note how to read it
 */
public record ResultTable(String title, String note, List<String> header, List<List<String>> rows) {
    private static final int MAX_WIDTH = 140;

    /** A column of a table over results of one kind. */
    record Of<T>(String header, Function<T, String> cell) {}

    static <T> ResultTable of(
            String title, String note, List<T> results, List<Of<? super T>> columns) {
        List<List<String>> rows = new ArrayList<>();
        for (T result : results) {
            List<String> row = new ArrayList<>();
            columns.forEach(column -> row.add(column.cell().apply(result)));
            rows.add(row);
        }
        List<String> header = new ArrayList<>();
        columns.forEach(column -> header.add(column.header()));
        return new ResultTable(title, note, header, rows);
    }

    /** For terminals. */
    public String text() {
        List<ColumnData<List<String>>> columns = new ArrayList<>();
        for (int i = 0; i < header.size(); i++) {
            int index = i;
            HorizontalAlign align = i == 0 ? HorizontalAlign.LEFT : HorizontalAlign.RIGHT;
            columns.add(
                    new Column()
                            .header(header.get(i))
                            .headerAlign(align)
                            .dataAlign(align)
                            .maxWidth(MAX_WIDTH)
                            .with(row -> row.get(index)));
        }
        return title
                + System.lineSeparator()
                + AsciiTable.getTable(AsciiTable.BASIC_ASCII_NO_DATA_SEPARATORS, rows, columns);
    }
}
