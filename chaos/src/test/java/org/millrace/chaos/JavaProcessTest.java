// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JavaProcessTest {
    @TempDir private Path directory;

    @Test
    void oneThatEndedByItselfSaysWhy() throws Exception {
        try (JavaProcess process =
                new JavaProcess(
                        "failing",
                        directory,
                        System.getProperty("java.class.path"),
                        List.of(),
                        Failing.class.getName(),
                        List.of())) {
            process.start();
            process.awaitEnd();
            assertThatThrownBy(process::checkAlive)
                    .isInstanceOf(IOException.class)
                    .hasMessage(
                            "failing ended with exit code 3; see "
                                    + directory.resolve("failing.log")
                                    + ": Caused by: java.net.BindException: port=1");
        }
    }

    /** A process with a log like Flink's. */
    static final class Failing {
        public static void main(String[] args) {
            System.out.println("10:00:00.000 INFO  Failing - starts");
            System.out.println("10:00:00.001 ERROR Failing - cannot start");
            System.out.println("java.lang.Exception: outer");
            System.out.println("Caused by: java.net.BindException: port=1");
            System.out.println("10:00:00.002 INFO  Failing - ends");
            System.exit(3);
        }
    }
}
