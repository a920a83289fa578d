// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.millrace.schemas.SchemaTexts;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Schema Registry. One that fails or does not answer is asked again, {@value #RETRIES} times at
 * most, and given up after {@value #TIMEOUT_SECONDS} seconds in all. Redirects are not followed:
 * they would take the credentials along. Thread safe; connects when it is first asked, and again
 * after deserialization.
 */
final class SchemaRegistry implements SchemaTexts {
    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(SchemaRegistry.class);

    private static final int RETRIES = 5;
    private static final long FIRST_PAUSE_MILLIS = 100;
    private static final int TIMEOUT_SECONDS = 10;
    private static final long ATTEMPT_MILLIS = 4_000;
    private static final int MAX_SHOWN_CHARACTERS = 500;
    private static final String MEDIA_TYPE = "application/vnd.schemaregistry.v1+json";

    private static final int OK = 200;
    private static final int REDIRECTION = 3;
    private static final int NOT_FOUND = 404;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int SERVER_ERROR = 500;

    /** Sets a schema that does not exist apart from an address that is not the registry's. */
    private static final int SCHEMA_NOT_FOUND = 40403;

    private final String url;
    private final String userInfo;
    private transient HttpClient client;

    /**
     * @param userInfo user:password, or null for none
     * @throws IllegalArgumentException if the URL is none
     */
    SchemaRegistry(String url, String userInfo) {
        if (!url.matches("https?://[^@,]+")) {
            // Not with the URL itself: it may hold a password.
            throw new IllegalArgumentException(
                    "the schema registry must be one http://HOST:PORT or https://HOST:PORT, with user"
                            + " and password in the Kafka properties file");
        }
        this.url = url.replaceFirst("/+$", "");
        this.userInfo = userInfo;
    }

    @Override
    public String text(int id) throws SchemaRegistryException {
        HttpRequest request = request("/schemas/ids/" + id).GET().build();
        HttpResponse<String> response = send(request);
        if (response.statusCode() == NOT_FOUND
                && json(response).path("error_code").asInt() == SCHEMA_NOT_FOUND) {
            return null;
        }
        return field(request, response, "schema").asText();
    }

    /**
     * The id of a schema, which is registered if it is new to the subject.
     *
     * @throws SchemaRegistryException if the registry refuses it, with its reason
     */
    int register(String subject, String schema) throws SchemaRegistryException {
        String body = new ObjectMapper().createObjectNode().put("schema", schema).toString();
        HttpRequest request =
                request("/subjects/" + subject + "/versions")
                        .header("Content-Type", MEDIA_TYPE)
                        .POST(BodyPublishers.ofString(body))
                        .build();
        return field(request, send(request), "id").asInt();
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(url + path))
                        .header("Accept", MEDIA_TYPE + ", application/json");
        if (userInfo != null) {
            byte[] bytes = userInfo.getBytes(StandardCharsets.UTF_8);
            request.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(bytes));
        }
        return request;
    }

    private HttpResponse<String> send(HttpRequest request) throws SchemaRegistryException {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(TIMEOUT_SECONDS);
        try {
            for (int retry = 0; ; retry++) {
                try {
                    return sendOnce(request, millisUntil(deadlineNanos));
                } catch (IOException e) {
                    long pauseMillis = FIRST_PAUSE_MILLIS << retry;
                    if (retry == RETRIES || pauseMillis >= millisUntil(deadlineNanos)) {
                        throw new SchemaRegistryException(message(request, e.toString()), e);
                    }
                    LOG.warn("{}", message(request, e.toString()));
                    Thread.sleep(pauseMillis);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SchemaRegistryException(message(request, "interrupted"), e);
        }
    }

    private static long millisUntil(long deadlineNanos) {
        return Math.max(0, TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime()));
    }

    /** The timeouts of the client itself end with the headers; a body may never come. */
    private HttpResponse<String> sendOnce(HttpRequest request, long leftMillis)
            throws IOException, InterruptedException {
        long timeoutMillis = Math.min(ATTEMPT_MILLIS, leftMillis);
        CompletableFuture<HttpResponse<String>> answer =
                client().sendAsync(request, BodyHandlers.ofString());
        try {
            HttpResponse<String> response = answer.get(timeoutMillis, TimeUnit.MILLISECONDS);
            if (response.statusCode() >= SERVER_ERROR
                    || response.statusCode() == TOO_MANY_REQUESTS) {
                throw new IOException(answer(response));
            }
            return response;
        } catch (TimeoutException e) {
            throw new IOException(
                    "no complete answer in "
                            + timeoutMillis
                            + " ms; a request is given up after "
                            + TIMEOUT_SECONDS
                            + " s in all",
                    e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException failure
                    ? failure
                    : new IOException(e.getCause());
        } finally {
            answer.cancel(true);
        }
    }

    private synchronized HttpClient client() {
        if (client == null) {
            client =
                    HttpClient.newBuilder()
                            .version(HttpClient.Version.HTTP_1_1)
                            .followRedirects(HttpClient.Redirect.NEVER)
                            .build();
        }
        return client;
    }

    private static JsonNode field(HttpRequest request, HttpResponse<String> response, String name)
            throws SchemaRegistryException {
        JsonNode value = json(response).path(name);
        if (response.statusCode() != OK || value.isMissingNode()) {
            throw new SchemaRegistryException(message(request, answer(response)), null);
        }
        return value;
    }

    /** The body, or a missing node if it is something else, such as a proxy's page. */
    private static JsonNode json(HttpResponse<String> response) {
        try {
            return new ObjectMapper().readTree(response.body());
        } catch (JsonProcessingException e) {
            return MissingNode.getInstance();
        }
    }

    private static String message(HttpRequest request, String detail) {
        return "schema registry: " + request.method() + " " + request.uri() + ": " + detail;
    }

    /** Without what may be secret in an address. */
    private static String host(String location) {
        return location.replaceFirst("^(https?://)?([^/?#]*@)?([^/?#]*).*$", "$1$3");
    }

    private static String answer(HttpResponse<String> response) {
        if (response.statusCode() / 100 == REDIRECTION) {
            return "status="
                    + response.statusCode()
                    + ", a redirect to "
                    + response.headers().firstValue("Location").map(SchemaRegistry::host).orElse("")
                    + ", which is not followed; give the address of the registry itself";
        }
        String body = response.body();
        return "status="
                + response.statusCode()
                + ", "
                + body.substring(0, Math.min(body.length(), MAX_SHOWN_CHARACTERS));
    }
}
