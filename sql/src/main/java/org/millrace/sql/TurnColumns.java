// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.millrace.operators.PermanentFailureException;
import org.millrace.operators.RejectedPrompt;
import org.millrace.schemas.Completion;

/** The columns of a table of answers: any of {@link TurnColumn}, in any order. */
record TurnColumns(List<TurnColumn> columns) implements Serializable {
    /**
     * The columns of a table.
     *
     * @throws IllegalArgumentException naming the column that does not fit
     */
    static TurnColumns of(ResolvedSchema schema) {
        List<TurnColumn> columns = new ArrayList<>();
        for (Column column : schema.getColumns()) {
            if (column.isPhysical()) {
                columns.add(known(column));
            }
        }
        return new TurnColumns(List.copyOf(columns));
    }

    private static TurnColumn known(Column column) {
        return TurnColumn.of(column)
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "bad column: "
                                                + column.asSummaryString()
                                                + "; allowed are, each nullable: "
                                                + Arrays.toString(TurnColumn.values())));
    }

    boolean has(TurnColumn column) {
        return columns.contains(column);
    }

    /**
     * The row of an answer.
     *
     * @param promptTime the prompt's timestamp; null if it has none
     */
    RowData answer(Completion completion, Long promptTime) {
        return row(
                column ->
                        switch (column) {
                            case SESSION -> text(completion.getSessionId());
                            case REQUEST -> text(completion.getRequestId());
                            case ANSWER -> text(completion.getText());
                            case FINISH_REASON -> text(completion.getFinishReason());
                            case PROMPT_TOKENS -> completion.getUsage().getPromptTokens();
                            case REUSED_TOKENS -> completion.getUsage().getReusedTokens();
                            case GENERATED_TOKENS -> completion.getUsage().getGeneratedTokens();
                            case PROMPT_TIME -> time(promptTime);
                            case ERROR -> null;
                        });
    }

    /**
     * The row of a prompt that cannot be answered.
     *
     * @param promptTime the prompt's timestamp; null if it has none
     * @throws PermanentFailureException if there is no column for the reason
     */
    RowData refusal(RejectedPrompt rejected, Long promptTime) {
        String session = rejected.prompt().session();
        String request = rejected.prompt().requestId();
        String reason = rejected.reason().code() + ": " + rejected.detail();
        if (!has(TurnColumn.ERROR)) {
            throw new PermanentFailureException(
                    "cannot answer a prompt: session="
                            + session
                            + ", request="
                            + request
                            + ", "
                            + reason
                            + "; with "
                            + TurnColumn.ERROR
                            + " in the table such prompts are rows that tell the reason");
        }
        return row(
                column ->
                        switch (column) {
                            case SESSION -> text(session);
                            case REQUEST -> text(request);
                            case PROMPT_TIME -> time(promptTime);
                            case ERROR -> text(reason);
                            default -> null;
                        });
    }

    private RowData row(Function<TurnColumn, Object> field) {
        return GenericRowData.of(columns.stream().map(field).toArray());
    }

    private static StringData text(String text) {
        return StringData.fromString(text);
    }

    private static TimestampData time(Long millis) {
        return millis == null ? null : TimestampData.fromEpochMillis(millis);
    }
}
