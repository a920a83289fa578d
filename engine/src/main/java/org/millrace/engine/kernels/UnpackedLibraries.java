// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Native libraries that other people's code unpacks to fixed names and loads. A file can be loaded
 * by one class loader of a process only, and a job that starts again in the same process has
 * another one: each gets files of its own, which are deleted after the load. Thread safe.
 */
public final class UnpackedLibraries {
    /** The first call of one of a library's classes. */
    @FunctionalInterface
    public interface FirstCall<T, E extends Exception> {
        T run() throws E;
    }

    private UnpackedLibraries() {}

    /**
     * Makes a call that may unpack and load libraries.
     *
     * @param property that names the directory which they are unpacked to
     * @throws UncheckedIOException if there is no place for them
     */
    public static <T, E extends Exception> T load(String property, FirstCall<T, E> firstCall)
            throws E {
        // Properties belong to the process, and this class to a class loader.
        synchronized (Runtime.getRuntime()) {
            String shared = System.getProperty(property);
            Path own = create();
            System.setProperty(property, own.toString());
            try {
                return firstCall.run();
            } finally {
                if (shared == null) {
                    System.clearProperty(property);
                } else {
                    System.setProperty(property, shared);
                }
                delete(own);
            }
        }
    }

    private static Path create() {
        try {
            return Files.createTempDirectory("millrace-libraries");
        } catch (IOException e) {
            throw new UncheckedIOException("no directory for native libraries", e);
        }
    }

    private static void delete(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            List<Path> insideOut = files.sorted(Comparator.reverseOrder()).toList();
            for (Path file : insideOut) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot delete native libraries", e);
        }
    }
}
