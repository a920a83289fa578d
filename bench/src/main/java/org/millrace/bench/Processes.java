// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs programs to their end. */
final class Processes {
    private Processes() {}

    /**
     * Runs a main class of this class path in a JVM of its own, with the options that {@code
     * ./millrace} gives its JVM and {@code jvmOptions}; see {@link #run}.
     */
    static List<String> runJava(Class<?> main, List<String> jvmOptions, List<String> arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        // Flink's data stream API opens it by reflection.
        command.add("--add-opens=java.base/java.util=ALL-UNNAMED");
        command.add("-XX:TieredStopAtLevel=1");
        command.addAll(jvmOptions);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(arguments);
        return run(command);
    }

    /**
     * Returns the lines of standard output.
     *
     * @throws IOException if the exit status is not 0, with what it wrote to standard error
     */
    static List<String> run(List<String> command) throws IOException, InterruptedException {
        Path errors = Files.createTempFile("millrace-bench", ".err");
        try {
            Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
            List<String> output;
            try (BufferedReader reader = process.inputReader()) {
                output = reader.lines().toList();
            }
            int status = process.waitFor();
            if (status != 0) {
                throw new IOException(
                        String.join(" ", command)
                                + ": status="
                                + status
                                + "\n"
                                + Files.readString(errors));
            }
            return output;
        } finally {
            Files.delete(errors);
        }
    }
}
