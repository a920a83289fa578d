// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.millrace.jobs.FlinkPaths;

/**
 * Finds the files of a model, and fetches what is not there yet into the model cache: {@code
 * MILLRACE_HOME/models}, by default {@code ~/.cache/millrace/models}.
 */
public final class ModelLocator {
    private ModelLocator() {}

    /**
     * The model's file or directory.
     *
     * @param model a path, {@code ORG/NAME} on the model hub, or the default model's name or null
     *     for it
     * @throws IOException if there is no such model, or it cannot be fetched, saying what to do
     */
    public static Path locate(String model) throws IOException {
        if (model == null || model.equals(DefaultModel.NAME)) {
            return DefaultModel.fetch(models());
        }
        Path path = model.startsWith("file:") ? FlinkPaths.local(model) : Path.of(model);
        if (Files.exists(path)) {
            return path;
        }
        if (!HubModel.isId(model) || model.endsWith(".gguf")) {
            throw new IOException(
                    "no such model: "
                            + model
                            + " is not a file, a directory or ORG/NAME on the hub");
        }
        return HubModel.fetch(HubModel.endpoint(), model, models());
    }

    /** Where Millrace keeps what it fetches and makes, outside the checkout. */
    public static Path home() {
        String home = System.getenv("MILLRACE_HOME");
        return home == null || home.isEmpty()
                ? Path.of(System.getProperty("user.home"), ".cache", "millrace")
                : Path.of(home);
    }

    private static Path models() throws IOException {
        return Files.createDirectories(home().resolve("models"));
    }
}
