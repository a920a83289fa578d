// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.flink.types.Row;
import org.millrace.schemas.Completion;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.RecordFormatException;

/**
 * Reads a record of Millrace's completions topic, in Avro's single-object encoding, as a row. Of a
 * null it is null.
 */
@FunctionHint(
        output =
                @DataTypeHint(
                        "ROW<session STRING, request STRING, answer STRING, finish_reason STRING,"
                                + " prompt_tokens INT, reused_tokens INT, generated_tokens INT>"))
public final class DecodeCompletion extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    /**
     * The row of a record.
     *
     * @throws RecordFormatException if it is no completion
     */
    public Row eval(byte[] bytes) throws RecordFormatException {
        if (bytes == null) {
            return null;
        }
        Completion completion = RecordCodec.COMPLETION.decode(bytes);
        return Row.of(
                completion.getSessionId(),
                completion.getRequestId(),
                completion.getText(),
                completion.getFinishReason(),
                completion.getUsage().getPromptTokens(),
                completion.getUsage().getReusedTokens(),
                completion.getUsage().getGeneratedTokens());
    }
}
