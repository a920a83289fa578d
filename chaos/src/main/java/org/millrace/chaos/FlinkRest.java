// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/**
 * The JobManager's REST interface, as a client that expects it to be down: an answer that cannot be
 * had is a missing node, and nothing is tried twice. Not thread safe.
 */
final class FlinkRest {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
    private final String address;

    FlinkRest(int port) {
        this.address = "http://" + Ports.HOST + ":" + port;
    }

    JsonNode get(String path) throws InterruptedException {
        return send(request(path).GET());
    }

    JsonNode post(String path, JsonNode body) throws InterruptedException {
        return send(path, "POST", HttpRequest.BodyPublishers.ofString(body.toString()));
    }

    JsonNode put(String path, JsonNode body) throws InterruptedException {
        return send(path, "PUT", HttpRequest.BodyPublishers.ofString(body.toString()));
    }

    JsonNode patch(String path) throws InterruptedException {
        return send(path, "PATCH", HttpRequest.BodyPublishers.noBody());
    }

    private JsonNode send(String path, String method, HttpRequest.BodyPublisher body)
            throws InterruptedException {
        return send(request(path).header("Content-Type", "application/json").method(method, body));
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(address + path)).timeout(TIMEOUT);
    }

    private JsonNode send(HttpRequest.Builder request) throws InterruptedException {
        try {
            HttpResponse<String> response =
                    client.send(request.build(), HttpResponse.BodyHandlers.ofString());
            return response.statusCode() / 100 == 2
                    ? JSON.readTree(response.body())
                    : MissingNode.getInstance();
        } catch (IOException e) {
            return MissingNode.getInstance();
        }
    }
}
