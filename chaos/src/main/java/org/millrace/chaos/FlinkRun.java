// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.api.common.JobID;
import org.apache.flink.client.cli.CliFrontend;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;

/** Submits as a user does: {@code flink run --detached JAR}, a process of its own each time. */
final class FlinkRun implements Submission {
    private static final Pattern SUBMITTED = Pattern.compile("submitted with JobID (\\w+)");

    private final String name;
    private final ClusterLayout layout;
    private final String flinkClassPath;
    private final Path jar;
    private int runs;

    /**
     * @param name of the client's processes and their logs
     * @param flinkClassPath what a distribution of Flink has, and nothing of Millrace
     */
    FlinkRun(String name, ClusterLayout layout, String flinkClassPath, Path jar) {
        this.name = name;
        this.layout = layout;
        this.flinkClassPath = flinkClassPath;
        this.jar = jar;
    }

    @Override
    public JobID submit(Configuration config) throws IOException {
        try (JavaProcess client =
                new JavaProcess(
                        name + "-" + ++runs,
                        layout.root(),
                        flinkClassPath,
                        List.of(),
                        CliFrontend.class.getName(),
                        arguments(config))) {
            client.start();
            client.awaitEnd();
            Matcher submitted = SUBMITTED.matcher(Files.readString(client.log()));
            if (!submitted.find()) {
                throw client.failure();
            }
            return JobID.fromHexString(submitted.group(1));
        }
    }

    private List<String> arguments(Configuration config) {
        List<String> arguments = new ArrayList<>(List.of("run", "--detached"));
        Configuration options = new Configuration(config);
        config.getOptional(StateRecoveryOptions.SAVEPOINT_PATH)
                .ifPresent(path -> arguments.addAll(List.of("--fromSavepoint", path)));
        options.removeConfig(StateRecoveryOptions.SAVEPOINT_PATH);
        arguments.add(jar.toString());
        options.toMap().forEach((key, value) -> arguments.add("-D" + key + "=" + value));
        return arguments;
    }
}
