// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What of a class path a distribution of Flink would have: nothing of Millrace, nothing of Kafka.
 */
final class FlinkClassPath {
    /**
     * By the names of the last folder or file, so that it does not matter where a checkout lies.
     */
    private static final Pattern NOT_OF_FLINK =
            Pattern.compile("classes|test-classes|millrace-.*|.*kafka.*|flink-connector-base-.*");

    private FlinkClassPath() {}

    /**
     * @param classPath of a build of Millrace
     */
    static String of(String classPath) {
        return Arrays.stream(classPath.split(File.pathSeparator))
                .filter(entry -> !NOT_OF_FLINK.matcher(name(entry)).matches())
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static String name(String entry) {
        return Path.of(entry).getFileName().toString();
    }
}
