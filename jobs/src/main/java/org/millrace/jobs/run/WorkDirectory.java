package org.millrace.jobs.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;

/** Where a run keeps its broker's topics, checkpoints, savepoints and temporary files. */
final class WorkDirectory {
    private static final DateTimeFormatter NAME = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");

    private WorkDirectory() {}

    /** {@code MILLRACE_HOME}, or {@code ~/.cache/millrace}. */
    static Path home() {
        String home = System.getenv("MILLRACE_HOME");
        return home == null || home.isEmpty()
                ? Path.of(System.getProperty("user.home"), ".cache", "millrace")
                : Path.of(home).toAbsolutePath();
    }

    /** A directory that no other run has. */
    static Path fresh() throws IOException {
        Path directory =
                home().resolve("runs")
                        .resolve(LocalDateTime.now().format(NAME) + "-" + ProcessHandle.current().pid());
        return Files.createDirectories(directory);
    }
}
