// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * A model of the Hugging Face hub, as safetensors. Files are fetched one by one and kept; {@code
 * HF_ENDPOINT} names another hub, as in Hugging Face's own tools.
 */
final class HubModel {
    private static final Pattern ID = Pattern.compile("[\\w.-]+/[\\w.-]+");
    private static final String WEIGHTS = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final String COMPLETE = ".complete";
    private static final int NOT_FOUND = 404;

    private final HttpClient client =
            HttpClient.newBuilder()
                    .followRedirects(HttpClient.Redirect.NORMAL)
                    .connectTimeout(Duration.ofSeconds(10))
                    .build();
    private final URI hub;
    private final String id;
    private final Path directory;

    private HubModel(URI hub, String id, Path directory) {
        this.hub = hub;
        this.id = id;
        this.directory = directory;
    }

    /** Whether this looks like ORG/NAME. */
    static boolean isId(String model) {
        return ID.matcher(model).matches();
    }

    /** Whether this is the directory of a model that was fetched with all its files. */
    static boolean isComplete(Path directory) {
        return Files.exists(directory.resolve(COMPLETE));
    }

    /**
     * The directory of a model, with all its files.
     *
     * @param models directory that holds one directory for each model
     * @throws IOException if the hub cannot be reached or lacks a file, naming it
     */
    static Path fetch(URI hub, String id, Path models) throws IOException {
        HubModel model = new HubModel(hub, id, models.resolve(id.replace('/', '_')));
        Files.createDirectories(model.directory);
        // Without it a model that is complete would ask the hub each time for the files that it
        // lacks.
        if (!isComplete(model.directory)) {
            model.fetchAll();
            Files.write(model.directory.resolve(COMPLETE), new byte[0]);
        }
        return model.directory;
    }

    private void fetchAll() throws IOException {
        require("config.json");
        require("tokenizer.json");
        fetch("tokenizer_config.json");
        fetch("generation_config.json");
        fetch("chat_template.jinja");
        if (fetch(INDEX)) {
            for (String shard : shards()) {
                require(shard);
            }
        } else {
            require(WEIGHTS);
        }
    }

    private Set<String> shards() throws IOException {
        JsonNode map =
                new ObjectMapper().readTree(directory.resolve(INDEX).toFile()).path("weight_map");
        Set<String> shards = new TreeSet<>();
        for (JsonNode shard : map) {
            String name = shard.asText();
            if (!name.matches("[\\w.-]+")) {
                throw new IOException(
                        "bad name of a shard in " + INDEX + " of " + id + ": " + name);
            }
            shards.add(name);
        }
        return shards;
    }

    private void require(String file) throws IOException {
        if (!fetch(file)) {
            throw new IOException("the hub has no " + file + " of " + id);
        }
    }

    /** Whether the hub has the file, which then is in the directory. */
    private boolean fetch(String file) throws IOException {
        Path target = directory.resolve(file);
        if (Files.exists(target)) {
            return true;
        }
        URI uri = URI.create(hub + "/" + id + "/resolve/main/" + file);
        // Of its own for each process: two may fetch the same model at a time.
        Path part = Files.createTempFile(directory, file, ".part");
        try {
            System.err.println("millrace: fetching " + file + " of " + id);
            HttpResponse<InputStream> response =
                    client.send(
                            HttpRequest.newBuilder(uri).build(),
                            HttpResponse.BodyHandlers.ofInputStream());
            if (response.statusCode() == NOT_FOUND) {
                response.body().close();
                return false;
            }
            if (response.statusCode() != 200) {
                throw new IOException("cannot fetch " + uri + ": status=" + response.statusCode());
            }
            long bytes = response.headers().firstValueAsLong("content-length").orElse(-1);
            try (InputStream in = DownloadProgress.wrap(response.body(), file, bytes)) {
                Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
            }
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while fetching " + uri, e);
        } catch (IOException e) {
            throw new IOException(
                    "cannot fetch " + uri + ": " + e + "; give --model a file or a directory", e);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    /** The hub that the environment names. */
    static URI endpoint() {
        String endpoint = System.getenv("HF_ENDPOINT");
        return URI.create(
                endpoint == null || endpoint.isEmpty() ? "https://huggingface.co" : endpoint);
    }
}
