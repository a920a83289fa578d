// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.kvcache.KvType;
import picocli.CommandLine.Option;

/** Options of the benchmarks that run each measurement in a JVM of its own. */
final class BenchArguments {
    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Print this help.")
    private boolean help;

    @Option(names = "--model", required = true, hidden = true)
    private Path model;

    @Option(names = "--work-dir", required = true, hidden = true)
    private Path workDirectory;

    @Option(names = "--load-average", required = true, hidden = true)
    private double loadAverage;

    @Option(
            names = "--kv-type",
            defaultValue = "INT8",
            description =
                    "Type of cached keys and values: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private KvType kvType;

    @Option(names = "--json", description = "Print one JSON document instead of the table.")
    private boolean json;

    /** File name of the model. */
    String modelName() {
        return model.getFileName().toString();
    }

    /** Load average of the minute before anything was started. */
    double loadAverage() {
        return loadAverage;
    }

    KvType kvType() {
        return kvType;
    }

    boolean json() {
        return json;
    }

    /** A directory of this process for a measurement, not there yet. */
    Path runDirectory(String name) {
        return workDirectory.resolve(name + "-" + ProcessHandle.current().pid());
    }

    /**
     * Runs {@code program} in a JVM of its own.
     *
     * @param threads that compute
     * @param more arguments behind model file, cache type and threads
     * @return what its last line of output says in JSON
     */
    <T> T measure(
            Class<T> result, Class<?> program, List<String> jvmOptions, int threads, Object... more)
            throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>();
        arguments.addAll(List.of(model.toString(), kvType.name(), Integer.toString(threads)));
        for (Object argument : more) {
            arguments.add(argument.toString());
        }
        List<String> output = Processes.runJava(program, jvmOptions, arguments);
        return new ObjectMapper().readValue(output.get(output.size() - 1), result);
    }
}
