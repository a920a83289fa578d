// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.util.FileUtils;

/**
 * Python with the packages of a requirements file, which lie below {@code target} and are fetched
 * again when the file or Python's version has changed.
 */
final class PythonEnvironment {
    private final Path packages;

    private PythonEnvironment(Path packages) {
        this.packages = packages;
    }

    static PythonEnvironment with(Path requirements) throws Exception {
        Path packages = Path.of("target", "python").toAbsolutePath();
        Path stamp = packages.resolve("stamp");
        String wanted = output("python3", "--version") + Files.readString(requirements);
        if (!Files.exists(stamp) || !Files.readString(stamp).equals(wanted)) {
            FileUtils.deleteDirectory(packages.toFile());
            output(
                    "python3",
                    "-m",
                    "pip",
                    "install",
                    "--disable-pip-version-check",
                    "--target",
                    packages.toString(),
                    "--requirement",
                    requirements.toString());
            Files.writeString(stamp, wanted);
        }
        return new PythonEnvironment(packages);
    }

    /** A script that finds the packages, ready to be started. */
    ProcessBuilder script(Path script, String... arguments) {
        List<String> command = new ArrayList<>(List.of("python3", script.toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("PYTHONPATH", packages.toString());
        return builder;
    }

    private static String output(String... command) throws Exception {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            throw new IOException("this test needs python3 with pip: install them", e);
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(
                    "this test needs python3 with pip, and a package index: \""
                            + String.join(" ", command)
                            + "\" failed: "
                            + output);
        }
        return output;
    }
}
