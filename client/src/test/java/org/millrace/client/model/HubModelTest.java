// SPDX-License-Identifier: Apache-2.0
package org.millrace.client.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubModelTest {
    private static final String PREFIX = "/org/name/resolve/main/";

    private final Map<String, String> files = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private int errorStatus = 404;
    private HttpServer server;
    @TempDir private Path models;

    @BeforeEach
    void startHub() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.start();
        files.putAll(
                Map.of(
                        "config.json",
                        "{}",
                        "tokenizer.json",
                        "{}",
                        "model.safetensors",
                        "weights"));
    }

    @AfterEach
    void stopHub() {
        server.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        requests.add(path);
        String file = path.startsWith(PREFIX) ? files.get(path.substring(PREFIX.length())) : null;
        try (exchange) {
            if (file == null) {
                exchange.sendResponseHeaders(errorStatus, -1);
            } else {
                byte[] bytes = file.getBytes(StandardCharsets.UTF_8);
                exchange.sendResponseHeaders(200, bytes.length);
                exchange.getResponseBody().write(bytes);
            }
        }
    }

    private Path fetch() throws IOException {
        URI hub = URI.create("http://localhost:" + server.getAddress().getPort());
        return HubModel.fetch(hub, "org/name", models);
    }

    @Test
    void fetchesWhatThereIsAndLeavesNothingElse() throws IOException {
        files.put("tokenizer_config.json", "{}");
        assertThat(names(fetch()))
                .containsExactly(
                        "config.json",
                        "model.safetensors",
                        "tokenizer.json",
                        "tokenizer_config.json");
    }

    @Test
    void needsNoHubForACompleteModel() throws IOException {
        Path directory = fetch();
        requests.clear();
        assertThat(fetch()).isEqualTo(directory);
        assertThat(requests).isEmpty();
        assertThat(directory.resolve("model.safetensors")).hasContent("weights");
    }

    @Test
    void goesOnWhereItWasCutOff() throws IOException {
        String weights = files.remove("model.safetensors");
        assertThatThrownBy(this::fetch).hasMessageContaining("no model.safetensors");
        files.put("model.safetensors", weights);
        requests.clear();
        assertThat(names(fetch())).contains("model.safetensors");
        assertThat(requests).doesNotContain(PREFIX + "config.json");
    }

    @Test
    void fetchesShards() throws IOException {
        files.remove("model.safetensors");
        files.put("model-1.safetensors", "a");
        files.put("model-2.safetensors", "b");
        files.put(
                "model.safetensors.index.json",
                "{\"weight_map\": {\"x\": \"model-1.safetensors\", \"y\": \"model-2.safetensors\"}}");
        assertThat(names(fetch())).contains("model-1.safetensors", "model-2.safetensors");
    }

    @Test
    void refusesShardsOutsideOfItsDirectory() {
        files.put("model.safetensors.index.json", "{\"weight_map\": {\"x\": \"../../key\"}}");
        assertThatThrownBy(this::fetch)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("../../key");
    }

    @Test
    void namesWhatIsMissing() {
        files.remove("tokenizer.json");
        assertThatThrownBy(this::fetch)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("tokenizer.json of org/name");
    }

    @Test
    void namesARefusal() throws IOException {
        errorStatus = 503;
        files.remove("tokenizer.json");
        assertThatThrownBy(this::fetch)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("status=503");
        assertThat(names(models.resolve("org_name"))).containsExactly("config.json");
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> list = Files.list(directory)) {
            return list.map(file -> file.getFileName().toString())
                    .filter(name -> !name.equals(".complete"))
                    .sorted()
                    .toList();
        }
    }
}
