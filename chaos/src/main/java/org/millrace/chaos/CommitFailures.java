// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Transactions that were lost, by the logs of the TaskManagers. After a failure the sink commits
 * again what may have been committed before, which the broker refuses; the job itself finds out
 * which of the two it is. That is checked by the answers of the run, none of which may be missing.
 */
final class CommitFailures {
    private static final String LOST = "LOST TRANSACTION";

    private CommitFailures() {}

    /** The log lines about transactions that were never committed. */
    static List<String> in(List<JavaProcess> taskManagers) throws IOException {
        List<String> failures = new ArrayList<>();
        for (JavaProcess process : taskManagers) {
            try (Stream<String> log = Files.lines(process.log())) {
                log.filter(line -> line.contains(LOST))
                        .map(line -> process.name() + ": " + line)
                        .forEach(failures::add);
            }
        }
        return failures;
    }
}
