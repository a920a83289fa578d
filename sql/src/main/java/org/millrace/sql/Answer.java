// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.Locale;
import org.apache.flink.table.data.StringData;
import org.millrace.engine.batch.FinishReason;

/** What came of a row. */
sealed interface Answer {
    /** The value of a column in Flink's internal form; null where the answer has none. */
    Object field(OutputColumn column);

    /**
     * A generation that ended.
     *
     * @param logprob sum over the generated tokens; 0 if not asked for
     */
    record Generated(
            String text,
            FinishReason finishReason,
            int promptTokens,
            int generatedTokens,
            double logprob)
            implements Answer {
        @Override
        public Object field(OutputColumn column) {
            return switch (column) {
                case TEXT -> StringData.fromString(text);
                case FINISH_REASON ->
                        StringData.fromString(finishReason.name().toLowerCase(Locale.ROOT));
                case PROMPT_TOKENS -> promptTokens;
                case GENERATED_TOKENS -> generatedTokens;
                case LOGPROB -> logprob;
                case ERROR -> null;
            };
        }
    }

    /**
     * A row that this model can never answer.
     *
     * @param reason {@code name: limit and offender}
     */
    record Refused(String reason) implements Answer {
        @Override
        public Object field(OutputColumn column) {
            return column == OutputColumn.ERROR ? StringData.fromString(reason) : null;
        }
    }
}
