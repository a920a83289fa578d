// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.Arrays;
import java.util.Optional;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LocalZonedTimestampType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.VarCharType;

/** What a table of answers can tell of a turn. */
enum TurnColumn {
    SESSION("session", VarCharType.STRING_TYPE),
    REQUEST("request", VarCharType.STRING_TYPE),
    ANSWER("answer", VarCharType.STRING_TYPE),
    FINISH_REASON("finish_reason", VarCharType.STRING_TYPE),
    PROMPT_TOKENS("prompt_tokens", new IntType()),
    REUSED_TOKENS("reused_tokens", new IntType()),
    GENERATED_TOKENS("generated_tokens", new IntType()),
    PROMPT_TIME("prompt_time", new LocalZonedTimestampType(3)),
    ERROR("error", VarCharType.STRING_TYPE);

    private final String columnName;
    private final LogicalType type;

    TurnColumn(String columnName, LogicalType type) {
        this.columnName = columnName;
        this.type = type;
    }

    /** The one that a column of a table asks for, if name and type are known. */
    static Optional<TurnColumn> of(Column column) {
        String columnType = column.getDataType().getLogicalType().asSerializableString();
        return Arrays.stream(values())
                .filter(known -> known.columnName.equals(column.getName()))
                .filter(known -> known.type.asSerializableString().equals(columnType))
                .findFirst();
    }

    /** As {@code CREATE TABLE} declares it. */
    @Override
    public String toString() {
        return columnName + " " + (type == VarCharType.STRING_TYPE ? "STRING" : type);
    }
}
