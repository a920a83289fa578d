// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import javax.tools.ToolProvider;

/** A build with one deliberate fault: one class compiled again from a source that was changed. */
final class BrokenBuild {
    private BrokenBuild() {}

    /**
     * Returns a class path with the fault in front.
     *
     * @param source file below the project's root
     * @param correct code that is there once
     * @param faulty what it is replaced by
     */
    static String compile(Path directory, String source, String correct, String faulty)
            throws Exception {
        Path original = Path.of("..").resolve(source);
        String code = Files.readString(original);
        assertThat(code).containsOnlyOnce(correct);
        return compile(directory, original.getFileName().toString(), code.replace(correct, faulty));
    }

    /**
     * Returns a class path with one class in front.
     *
     * @param file name of the class's source
     */
    static String compile(Path directory, String file, String code) throws Exception {
        Path source = directory.resolve(file);
        Files.writeString(source, code);
        Path classes = Files.createDirectories(directory.resolve("classes"));
        String classPath = System.getProperty("java.class.path");
        int errors =
                ToolProvider.getSystemJavaCompiler()
                        .run(
                                null,
                                null,
                                null,
                                "-d",
                                classes.toString(),
                                "-cp",
                                classPath,
                                source.toString());
        assertThat(errors).as("errors in " + source).isZero();
        return classes + System.getProperty("path.separator") + classPath;
    }
}
