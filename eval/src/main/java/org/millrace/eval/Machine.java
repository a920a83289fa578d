// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What figures were measured on. */
public final class Machine {
    private Machine() {}

    /** Processor, processors, kernels, Java. */
    public static String describe(String kernels) throws IOException {
        return processor()
                + ", "
                + Runtime.getRuntime().availableProcessors()
                + " processors, kernels "
                + kernels
                + ", Java "
                + Runtime.version();
    }

    /** The processor as the system names it. */
    public static String processor() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("model name"))
                    .findFirst()
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .orElse("unknown processor");
        }
    }
}
