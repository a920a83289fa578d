// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;

/**
 * What a model's {@code OUTPUT} asks for: any of {@link OutputColumn}, each at most once, in any
 * order.
 */
record OutputColumns(List<OutputColumn> columns) implements Serializable {
    /**
     * The columns of a model's {@code OUTPUT}.
     *
     * @throws IllegalArgumentException naming the column that does not fit
     */
    static OutputColumns of(ResolvedSchema schema) {
        List<OutputColumn> columns = new ArrayList<>();
        for (Column column : schema.getColumns()) {
            OutputColumn known = OutputColumn.named(column.getName());
            boolean fits =
                    column.isPhysical()
                            && known.type().equals(column.getDataType().getLogicalType());
            if (!fits || columns.contains(known)) {
                throw new IllegalArgumentException(
                        "bad OUTPUT column: "
                                + column.asSummaryString()
                                + "; allowed are, each once and nullable: "
                                + Arrays.toString(OutputColumn.values()));
            }
            columns.add(known);
        }
        return new OutputColumns(List.copyOf(columns));
    }

    /** Whether log probabilities are to be computed. */
    boolean hasLogprob() {
        return columns.contains(OutputColumn.LOGPROB);
    }

    /**
     * The row of an answer.
     *
     * @throws IllegalStateException if the answer was refused and there is no column for the reason
     */
    RowData row(Answer answer) {
        GenericRowData row = new GenericRowData(columns.size());
        for (int i = 0; i < columns.size(); i++) {
            row.setField(i, answer.field(columns.get(i)));
        }
        if (answer instanceof Answer.Refused refused && !columns.contains(OutputColumn.ERROR)) {
            throw new IllegalStateException(
                    "cannot answer a row: "
                            + refused.reason()
                            + "; with "
                            + OutputColumn.ERROR
                            + " in the model's OUTPUT such rows go on and tell the reason");
        }
        return row;
    }

    /** What a row without a prompt gets. */
    RowData nulls() {
        return new GenericRowData(columns.size());
    }
}
