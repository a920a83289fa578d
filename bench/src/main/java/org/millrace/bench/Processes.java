package org.millrace.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Runs a program to its end. */
final class Processes {
    private Processes() {}

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
