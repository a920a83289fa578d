// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import org.millrace.client.broker.FreePorts;

/**
 * Apicurio as a process, which can be killed and started again on the same port with the same
 * schemas. What it logs is in {@code registry.log}. Whoever starts it closes it.
 */
public final class ApicurioProcess implements AutoCloseable {
    private static final Duration START = Duration.ofMinutes(3);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpClient http = HttpClient.newHttpClient();
    private final int port;
    private final String java;
    private final Path program;
    private final Path directory;
    private Process process;

    /**
     * @param java command of a JVM that it runs on
     * @param program where it was unpacked
     * @param directory for its schemas and its log
     */
    public ApicurioProcess(String java, Path program, Path directory) throws IOException {
        this.port = FreePorts.find(1).get(0);
        this.java = java;
        this.program = program;
        this.directory = directory;
    }

    /** Waits until it answers. */
    public void start() throws Exception {
        process =
                new ProcessBuilder(
                                java,
                                "-Xmx400m",
                                "-XX:TieredStopAtLevel=1",
                                "-Dquarkus.http.host=localhost",
                                "-Dquarkus.http.port=" + port,
                                "-Dquarkus.management.host=localhost",
                                "-Dquarkus.management.port=0",
                                "-Dapicurio.datasource.url=jdbc:h2:file:"
                                        + directory.resolve("schemas")
                                        // On disk before it answers: it will be killed.
                                        + ";WRITE_DELAY=0",
                                "-jar",
                                program.resolve("quarkus-run.jar").toString())
                        .redirectErrorStream(true)
                        .redirectOutput(
                                ProcessBuilder.Redirect.appendTo(
                                        directory.resolve("registry.log").toFile()))
                        .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        long deadlineNanos = System.nanoTime() + START.toNanos();
        while (!answers()) {
            if (!process.isAlive() || System.nanoTime() > deadlineNanos) {
                throw new IOException("the registry does not start; see its log in " + directory);
            }
            Thread.sleep(200);
        }
    }

    private boolean answers() throws InterruptedException {
        try {
            return send(request("/subjects").GET()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    /** SIGKILL. */
    public void kill() {
        process.destroyForcibly().onExit().join();
    }

    /** Of the API that Confluent's clients know. */
    public String url() {
        return "http://localhost:" + port + "/apis/ccompat/v7";
    }

    /** The id of a schema of a writer's own subject, a new one if it is new. */
    public int register(String schema) {
        String body = JSON.createObjectNode().put("schema", schema).toString();
        return id(
                request("/subjects/writers-value/versions")
                        .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                        .POST(BodyPublishers.ofString(body)));
    }

    /** The id of a subject's newest schema. */
    public int idOf(String subject) {
        return id(request("/subjects/" + subject + "/versions/latest").GET());
    }

    private int id(HttpRequest.Builder request) {
        try {
            HttpResponse<String> response = send(request);
            JsonNode id = JSON.readTree(response.body()).path("id");
            if (!id.isInt()) {
                throw new IllegalStateException("the registry answers " + response.body());
            }
            return id.asInt();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(url() + path));
    }

    private HttpResponse<String> send(HttpRequest.Builder request)
            throws IOException, InterruptedException {
        return http.send(request.build(), BodyHandlers.ofString());
    }

    @Override
    public void close() {
        kill();
    }
}
