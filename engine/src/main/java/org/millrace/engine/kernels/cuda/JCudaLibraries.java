package org.millrace.engine.kernels.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * JCuda unpacks its libraries to fixed names in the directory for temporary files, and a library
 * can be loaded by one class loader only: a job that starts again in the same process has another
 * one, so each gets a directory of its own.
 */
final class JCudaLibraries {
    private static final String TEMPORARY_FILES = "java.io.tmpdir";

    private JCudaLibraries() {}

    /**
     * Makes the first call of one of JCuda's classes.
     *
     * @param path of the library that JCuda's own asks for; null for the one on the system's search
     *     path
     * @throws UnsatisfiedLinkError if a library is missing
     */
    static synchronized <T> T load(String path, Supplier<T> firstCall) {
        if (path != null) {
            // Its name satisfies what JCuda's own library asks for.
            System.load(Path.of(path).toAbsolutePath().toString());
        }
        String shared = System.getProperty(TEMPORARY_FILES);
        try {
            Path own = Files.createTempDirectory("millrace-jcuda");
            own.toFile().deleteOnExit();
            System.setProperty(TEMPORARY_FILES, own.toString());
            T result = firstCall.get();
            try (Stream<Path> unpacked = Files.list(own)) {
                unpacked.forEach(file -> file.toFile().delete());
            }
            return result;
        } catch (IOException e) {
            throw new UncheckedIOException("no directory for JCuda's libraries", e);
        } finally {
            System.setProperty(TEMPORARY_FILES, shared);
        }
    }
}
