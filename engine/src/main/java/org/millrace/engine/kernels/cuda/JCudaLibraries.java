// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import java.nio.file.Path;
import org.millrace.engine.kernels.UnpackedLibraries;
import org.millrace.engine.kernels.UnpackedLibraries.FirstCall;

/** Loads JCuda's libraries, which it unpacks to the directory for temporary files. */
final class JCudaLibraries {
    private JCudaLibraries() {}

    /**
     * Makes the first call of one of JCuda's classes.
     *
     * @param path of the library that JCuda's own asks for; null for the one on the system's search
     *     path
     * @throws UnsatisfiedLinkError if a library is missing
     */
    static <T> T load(String path, FirstCall<T, RuntimeException> firstCall) {
        if (path != null) {
            // Its name satisfies what JCuda's own library asks for.
            System.load(Path.of(path).toAbsolutePath().toString());
        }
        return UnpackedLibraries.load("java.io.tmpdir", firstCall);
    }
}
