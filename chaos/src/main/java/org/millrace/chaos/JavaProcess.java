// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A JVM of its own. Its output goes to a log file that survives it. Started again it goes on in the
 * same file.
 *
 * <p>Not thread safe. Whoever starts it kills it; one that is left over dies with this JVM.
 */
final class JavaProcess implements AutoCloseable {
    /** By its place, because not every class path has it. */
    private static final String LOGGING =
            JavaProcess.class.getResource("log4j2.properties").toString();

    private final String name;
    private final List<String> command;
    private final Path log;
    private final Path directory;
    private final String classPath;
    private Process process;

    /**
     * @param name for logs and messages
     * @param jvmOptions beside those that every Millrace JVM has
     * @param directory working directory and place of the log
     */
    JavaProcess(
            String name,
            Path directory,
            String classPath,
            List<String> jvmOptions,
            String mainClass,
            List<String> arguments) {
        this.name = name;
        this.directory = directory;
        this.classPath = classPath;
        this.log = directory.resolve(name + ".log");
        this.command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        // Flink's data stream API opens java.util by reflection.
        command.add("--add-opens=java.base/java.util=ALL-UNNAMED");
        // To tell in an OutOfMemoryError of what.
        command.add("--add-opens=java.base/java.lang=ALL-UNNAMED");
        if (Runtime.version().feature() >= 24) {
            command.add("--enable-native-access=ALL-UNNAMED");
            command.add("--sun-misc-unsafe-memory-access=allow");
        }
        command.add("-XX:+UseSerialGC");
        // Short-lived: the better compiler would take more time than its code saves.
        command.add("-XX:TieredStopAtLevel=1");
        command.add("-Dfile.encoding=UTF-8");
        command.add("-Dlog4j2.configurationFile=" + LOGGING);
        command.addAll(jvmOptions);
        command.add(mainClass);
        command.addAll(arguments);
    }

    String name() {
        return name;
    }

    Path log() {
        return log;
    }

    /** Starts it, or starts it again. */
    void start() throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
        // Not an argument: a list of processes stays readable.
        builder.environment().put("CLASSPATH", classPath);
        builder.environment().put("FLINK_CONF_DIR", directory.resolve("conf").toString());
        builder.redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
        process = builder.start();
        ProcessReaper.watch(process);
    }

    boolean isAlive() {
        return process != null && process.isAlive();
    }

    /**
     * Fails if it ended by itself.
     *
     * @throws IOException naming its log and the last error there
     */
    void checkAlive() throws IOException {
        if (!isAlive()) {
            throw failure();
        }
    }

    /** Says that it has ended, naming its log and the last error there. */
    IOException failure() throws IOException {
        return new IOException(
                name
                        + " ended with exit code "
                        + process.exitValue()
                        + "; see "
                        + log
                        + lastError().map(line -> ": " + line).orElse(""));
    }

    private Optional<String> lastError() throws IOException {
        // Not line by line: a process that was killed may have left half a character.
        String text = new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
        return text.lines()
                .filter(line -> line.contains(" ERROR ") || line.startsWith("Caused by: "))
                .reduce((earlier, later) -> later);
    }

    /** SIGKILL, without waiting. */
    void kill() {
        if (process != null) {
            process.destroyForcibly();
        }
    }

    /** Waits until the operating system has cleaned up after it. */
    void awaitEnd() {
        if (process != null) {
            process.onExit().join();
        }
    }

    @Override
    public void close() {
        kill();
        awaitEnd();
    }
}
