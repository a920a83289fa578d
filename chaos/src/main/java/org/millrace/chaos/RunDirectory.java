// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import org.millrace.client.model.ModelLocator;
import org.millrace.jobs.FlinkPaths;

/** Where a run keeps topics, state and logs. */
final class RunDirectory {
    private static final DateTimeFormatter NAME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss-SSS");

    private RunDirectory() {}

    /**
     * Makes it.
     *
     * @param chosen by the user; null for a new one of the command below MILLRACE_HOME
     */
    static Path of(Path chosen, String command) throws IOException {
        Path directory =
                chosen == null
                        ? ModelLocator.home()
                                .resolve(command)
                                .resolve(LocalDateTime.now().format(NAME))
                        : chosen;
        FlinkPaths.checkDirectory(directory);
        return Files.createDirectories(directory.toAbsolutePath());
    }
}
