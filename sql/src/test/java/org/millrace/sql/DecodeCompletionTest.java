// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CollectionUtil;
import org.junit.jupiter.api.Test;
import org.millrace.schemas.Completion;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.Usage;

class DecodeCompletionTest {
    private static Row decode(String column) {
        TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.inBatchMode());
        tables.executeSql(
                "CREATE FUNCTION decode_completion AS 'org.millrace.sql.DecodeCompletion'");
        tables.executeSql(
                "CREATE VIEW completions AS SELECT decode_completion("
                        + column
                        + ") AS c FROM (VALUES (1)) AS v (id)");
        List<Row> rows =
                CollectionUtil.iteratorToList(
                        tables.executeSql(
                                        "SELECT c.session, c.request, c.answer, c.finish_reason,"
                                                + " c.prompt_tokens, c.reused_tokens,"
                                                + " c.generated_tokens FROM completions")
                                .collect());
        assertThat(rows).hasSize(1);
        return rows.get(0);
    }

    private static String bytes(byte[] value) {
        return "CAST(X'" + HexFormat.of().formatHex(value) + "' AS BYTES)";
    }

    @Test
    void fieldsOfARecordAreColumns() {
        Completion completion =
                Completion.newBuilder()
                        .setSessionId("s")
                        .setRequestId("r")
                        .setText("Grüße")
                        .setFinishReason("stop")
                        .setUsage(new Usage(5, 6, 7))
                        .build();
        assertThat(decode(bytes(RecordCodec.COMPLETION.encode(completion))))
                .isEqualTo(Row.of("s", "r", "Grüße", "stop", 5, 6, 7));
    }

    @Test
    void aNullIsARowOfNulls() {
        assertThat(decode("CAST(NULL AS BYTES)"))
                .isEqualTo(Row.of(null, null, null, null, null, null, null));
    }

    @Test
    void otherBytesAreRefused() {
        assertThatThrownBy(() -> decode(bytes("{}".getBytes(StandardCharsets.UTF_8))))
                .hasStackTraceContaining("length=2, expected C3 01, a schema's fingerprint");
    }
}
