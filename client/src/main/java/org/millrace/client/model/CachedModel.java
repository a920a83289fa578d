// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A model that is in the cache.
 *
 * @param name as {@code --model} takes it, so that it is found there
 * @param path its file or directory
 * @param bytes size of its files
 */
public record CachedModel(String name, Path path, long bytes) {
    /** The complete models of a directory, by their paths. */
    static List<CachedModel> list(Path models) throws IOException {
        List<CachedModel> found = new ArrayList<>();
        for (Path path : sorted(models)) {
            String file = path.getFileName().toString();
            if (HubModel.isComplete(path)) {
                // Names of organisations have no underscore.
                found.add(new CachedModel(file.replaceFirst("_", "/"), path, size(path)));
            } else if (file.endsWith(".gguf") && Files.isRegularFile(path)) {
                String name =
                        PackagedModel.all().stream()
                                .filter(model -> model.file().equals(file))
                                .map(PackagedModel::name)
                                .findFirst()
                                .orElse(path.toString());
                found.add(new CachedModel(name, path, Files.size(path)));
            }
        }
        return found;
    }

    private static List<Path> sorted(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.sorted().toList();
        }
    }

    private static long size(Path directory) throws IOException {
        long bytes = 0;
        for (Path file : sorted(directory)) {
            bytes += Files.size(file);
        }
        return bytes;
    }
}
