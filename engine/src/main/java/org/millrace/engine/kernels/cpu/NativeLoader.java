// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Loads the library once per class loader. A path can be loaded by one class loader only, so each
 * load extracts the resource to a file of its own, deleted right after.
 */
final class NativeLoader {
    private static final String RESOURCE = "/native/linux-x86_64/libmillrace.so";

    /** Why the library is not there; null if it is. */
    private static final String FAILURE = load();

    private NativeLoader() {}

    /** Null if the library is loaded, otherwise why not. */
    static String failure() {
        return FAILURE;
    }

    private static String load() {
        try (InputStream library = NativeLoader.class.getResourceAsStream(RESOURCE)) {
            if (library == null) {
                return "the build left out "
                        + RESOURCE
                        + " (it needs g++ on Linux x86_64: install it and build again)";
            }
            Path file = Files.createTempFile("libmillrace", ".so");
            try {
                Files.copy(library, file, StandardCopyOption.REPLACE_EXISTING);
                System.load(file.toString());
                return null;
            } finally {
                Files.delete(file);
            }
        } catch (IOException | UnsatisfiedLinkError e) {
            return "cannot load " + RESOURCE + ": " + e.getMessage();
        }
    }
}
