// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** As much of Confluent's REST API as is used, over HTTP; its schemas outlive an outage. */
public final class TestRegistry implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<String> schemas = new ArrayList<>();
    private final Map<String, Integer> subjects = new ConcurrentHashMap<>();
    private final List<String> requests = new ArrayList<>();
    private HttpServer server;
    private int port;
    private volatile int refusal;
    private volatile boolean hanging;
    private volatile String redirect;
    private volatile String authorization;

    public TestRegistry() throws IOException {
        start();
    }

    /** Listens, on the same port as before. */
    public void start() throws IOException {
        server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        port = server.getAddress().getPort();
        server.createContext("/", this::answer);
        server.start();
    }

    /** Listens no more. */
    public void stop() {
        server.stop(0);
    }

    public String url() {
        return "http://localhost:" + port;
    }

    /** Answers everything with this status; 0 for no more. */
    public void refuseWith(int status) {
        refusal = status;
    }

    /** Begins every answer, and ends none. */
    public void hang() {
        hanging = true;
    }

    /** Sends every client to another address, path and all. */
    public void redirectTo(String url) {
        redirect = url;
    }

    /** The id of a schema, a new one if it is new. */
    public synchronized int register(String schema) {
        if (!schemas.contains(schema)) {
            schemas.add(schema);
        }
        return schemas.indexOf(schema) + 1;
    }

    /** The id of the subject's newest schema, or null. */
    public Integer idOf(String subject) {
        return subjects.get(subject);
    }

    /** How often this was asked, such as GET /schemas/ids/1. */
    public synchronized long requests(String request) {
        return requests.stream().filter(request::equals).count();
    }

    /** Of the last request; null if it had none. */
    String authorization() {
        return authorization;
    }

    private synchronized void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        requests.add(exchange.getRequestMethod() + " " + path);
        authorization = exchange.getRequestHeaders().getFirst("Authorization");
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        String[] parts = path.split("/");
        if (hanging) {
            exchange.sendResponseHeaders(200, 100);
            exchange.getResponseBody().flush();
        } else if (redirect != null) {
            exchange.getResponseHeaders().add("Location", redirect + path);
            exchange.sendResponseHeaders(302, -1);
            exchange.close();
        } else if (refusal != 0) {
            send(exchange, refusal, error(refusal, "refused"));
        } else if (path.matches("/schemas/ids/\\d+")) {
            int id = Integer.parseInt(parts[3]);
            if (id < 1 || id > schemas.size()) {
                send(exchange, 404, error(40403, "Schema not found"));
            } else {
                send(exchange, 200, JSON.createObjectNode().put("schema", schemas.get(id - 1)));
            }
        } else if (path.matches("/subjects/[^/]+/versions")) {
            int id = register(JSON.readTree(body).path("schema").asText());
            subjects.put(parts[2], id);
            send(exchange, 200, JSON.createObjectNode().put("id", id));
        } else {
            send(exchange, 404, error(404, "HTTP 404 Not Found"));
        }
    }

    private static ObjectNode error(int code, String message) {
        return JSON.createObjectNode().put("error_code", code).put("message", message);
    }

    private static void send(HttpExchange exchange, int status, JsonNode body) throws IOException {
        byte[] bytes = JSON.writeValueAsBytes(body);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    @Override
    public void close() {
        stop();
    }
}
