// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.Map;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/** A program that has nothing of Millrace but the jar that it adds. */
final class AddJar {
    private AddJar() {}

    /** Arguments: the jar, the model, directories of prompts and answers. */
    public static void main(String[] args) throws Exception {
        TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.inBatchMode());
        tables.executeSql("ADD JAR '" + args[0] + "'");
        SqlScript.read(
                        "answers.sql",
                        Map.of(
                                "model", args[1], "input", args[2], "output", args[3], "answer",
                                "answer"))
                .run(tables);
    }
}
