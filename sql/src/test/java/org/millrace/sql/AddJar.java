// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.Map;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/** A program that has nothing of Millrace but the jar that it adds. */
final class AddJar {
    private AddJar() {}

    /** Arguments: the jar, the model, directories of prompts, answers and answers in sessions. */
    public static void main(String[] args) throws Exception {
        run(EnvironmentSettings.inBatchMode(), "answers.sql", args, args[3]);
        run(EnvironmentSettings.inStreamingMode(), "sessions.sql", args, args[4]);
    }

    private static void run(EnvironmentSettings mode, String script, String[] args, String output)
            throws Exception {
        TableEnvironment tables = TableEnvironment.create(mode);
        tables.executeSql("ADD JAR '" + args[0] + "'");
        SqlScript.read(
                        script,
                        Map.of(
                                "model", args[1], "input", args[2], "output", output, "answer",
                                "answer", "hints", ""))
                .run(tables);
    }
}
