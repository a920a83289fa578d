// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;

/** The statements of a file in the test resources, each ended by a semicolon at a line's end. */
final class SqlScript {
    private final List<String> statements;

    private SqlScript(List<String> statements) {
        this.statements = statements;
    }

    /**
     * @param values of what the file has as <code>${name}</code>
     */
    static SqlScript read(String name, Map<String, ?> values) throws IOException {
        String text =
                new String(
                        SqlScript.class.getResourceAsStream("/sql/" + name).readAllBytes(),
                        StandardCharsets.UTF_8);
        for (Map.Entry<String, ?> value : values.entrySet()) {
            text = text.replace("${" + value.getKey() + "}", value.getValue().toString());
        }
        return new SqlScript(
                Arrays.stream(text.split(";\\s*(\\n|$)")).filter(s -> !s.isBlank()).toList());
    }

    /** Runs all, and waits for the job of the last. */
    void run(TableEnvironment tables) throws Exception {
        start(tables).await();
    }

    /** Runs all; the result is the last one's, whose job runs. */
    TableResult start(TableEnvironment tables) {
        for (String statement : statements.subList(0, statements.size() - 1)) {
            tables.executeSql(statement);
        }
        return tables.executeSql(statements.get(statements.size() - 1));
    }
}
