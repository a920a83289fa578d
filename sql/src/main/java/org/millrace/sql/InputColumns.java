// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.LogicalTypeFamily;

/**
 * Where a row has its prompt and its system message.
 *
 * @param columns names, in the order of the row
 */
record InputColumns(List<String> columns) implements Serializable {
    private static final String SYSTEM = "system_prompt";

    private static final String ALLOWED =
            "allowed are one STRING column of any name (the prompt) and "
                    + SYSTEM
                    + " STRING (the system message)";

    /**
     * The columns of a model's {@code INPUT}.
     *
     * @throws IllegalArgumentException naming the column that does not fit
     */
    static InputColumns of(ResolvedSchema schema) {
        for (Column column : schema.getColumns()) {
            if (!column.isPhysical()
                    || !column.getDataType()
                            .getLogicalType()
                            .is(LogicalTypeFamily.CHARACTER_STRING)) {
                throw new IllegalArgumentException(
                        "bad INPUT column: " + column.asSummaryString() + "; " + ALLOWED);
            }
        }
        List<String> names = schema.getColumnNames();
        long prompts = names.stream().filter(name -> !name.equals(SYSTEM)).count();
        if (prompts != 1) {
            throw new IllegalArgumentException(
                    "bad INPUT: columns=" + names + ", prompts=" + prompts + "; " + ALLOWED);
        }
        return new InputColumns(List.copyOf(names));
    }

    boolean hasSystem() {
        return columns.contains(SYSTEM);
    }

    /** Empty if it is null. */
    Optional<String> prompt(RowData row) {
        return text(row, columns.get(0).equals(SYSTEM) ? 1 : 0);
    }

    /** Empty if it is null, or not a column. */
    Optional<String> system(RowData row) {
        return hasSystem() ? text(row, columns.indexOf(SYSTEM)) : Optional.empty();
    }

    private static Optional<String> text(RowData row, int index) {
        return row.isNullAt(index)
                ? Optional.empty()
                : Optional.of(row.getString(index).toString());
    }
}
