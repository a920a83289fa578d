// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.millrace.jobs.GenerationJob;

/** The jar for {@code flink run}. */
final class JobJar {
    private static final String NAME = "millrace-job.jar";

    private JobJar() {}

    /**
     * That of this build, which lies beside the classes of module {@code jobs}.
     *
     * @throws IOException if it was not built
     */
    static Path ofThisBuild() throws IOException {
        Path classes;
        try {
            classes =
                    Path.of(
                            GenerationJob.class
                                    .getProtectionDomain()
                                    .getCodeSource()
                                    .getLocation()
                                    .toURI());
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
        return existing(classes.resolveSibling(NAME));
    }

    /**
     * @throws IOException if there is no such file
     */
    static Path existing(Path jar) throws IOException {
        if (!Files.isRegularFile(jar)) {
            throw new IOException("no such job jar: " + jar + "; ./mvnw package builds it");
        }
        return jar.toAbsolutePath();
    }
}
