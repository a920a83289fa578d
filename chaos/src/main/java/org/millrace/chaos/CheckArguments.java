// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.util.FileUtils;
import org.millrace.client.model.ModelLocator;
import org.millrace.jobs.FlinkPaths;
import org.millrace.jobs.OptionNames;
import org.millrace.operators.GenerationOptions;
import picocli.CommandLine.Option;

/**
 * Options of the commands that do things to a job's processes and compare what came out. A mixin.
 */
final class CheckArguments {
    private static final DateTimeFormatter NAME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss-SSS");

    @Option(
            names = "--model",
            paramLabel = "NAME|FILE|HUB_ID",
            description =
                    "A name that millrace models lists, or a GGUF file (default: smollm2-135m, fetched once).")
    private String model;

    @Option(
            names = "--work-dir",
            paramLabel = "DIR",
            description =
                    "Empty directory for topics, state, logs and report.json (default: below MILLRACE_HOME, deleted after a clean run).")
    private Path workDirectory;

    @Option(names = "--json", description = "Print one JSON document and nothing else.")
    private boolean json;

    @Option(
            names = "-D",
            paramLabel = "key=value",
            converter = OptionNames.Converter.class,
            description = "Any option of Flink or Millrace for the job.")
    private Map<String, String> properties = new LinkedHashMap<>();

    boolean isJson() {
        return json;
    }

    /** The job's, with its model. */
    Configuration jobOptions() throws IOException {
        Configuration options = Configuration.fromMap(properties);
        options.set(
                GenerationOptions.MODEL, ModelLocator.locate(model).toAbsolutePath().toString());
        return options;
    }

    /** Makes the directory for topics, state and logs: a new one below MILLRACE_HOME by default. */
    Path directory(String command) throws IOException {
        Path directory =
                workDirectory == null
                        ? ModelLocator.home()
                                .resolve(command)
                                .resolve(LocalDateTime.now().format(NAME))
                        : workDirectory;
        FlinkPaths.checkDirectory(directory);
        FlinkPaths.checkLoadable(directory);
        return directory.toAbsolutePath();
    }

    /** Writes the report; of a clean run without {@code --work-dir} nothing is left. */
    void keep(String report, boolean isClean, Path directory) throws IOException {
        Files.writeString(directory.resolve("report.json"), report + "\n");
        if (workDirectory == null && isClean) {
            FileUtils.deleteDirectory(directory.toFile());
        }
    }
}
