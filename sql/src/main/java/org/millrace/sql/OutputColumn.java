// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import org.apache.flink.table.types.logical.DoubleType;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.VarCharType;

/** What a model can tell of a row. All but the text go by their name. */
enum OutputColumn {
    /** The generated text, under any name that is not one of the others'. */
    TEXT("(any other name)", VarCharType.STRING_TYPE),
    FINISH_REASON("finish_reason", VarCharType.STRING_TYPE),
    PROMPT_TOKENS("prompt_tokens", new IntType()),
    GENERATED_TOKENS("generated_tokens", new IntType()),
    LOGPROB("logprob", new DoubleType()),
    ERROR("error", VarCharType.STRING_TYPE);

    private final String columnName;
    private final LogicalType type;

    OutputColumn(String columnName, LogicalType type) {
        this.columnName = columnName;
        this.type = type;
    }

    /** The column of a name. */
    static OutputColumn named(String name) {
        for (OutputColumn column : values()) {
            if (column.columnName.equals(name)) {
                return column;
            }
        }
        return TEXT;
    }

    LogicalType type() {
        return type;
    }

    /** As {@code CREATE MODEL} declares it. */
    @Override
    public String toString() {
        return columnName + " " + (type == VarCharType.STRING_TYPE ? "STRING" : type);
    }
}
