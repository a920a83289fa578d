// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.RecordFormatException;
import org.millrace.schemas.WireFormat;

class SchemaRegistryTest {
    private static final PromptRequest REQUEST =
            PromptRequest.newBuilder().setSessionId("s").setText("Hello").build();

    private TestRegistry registry;
    private final Properties kafka = new Properties();

    @BeforeEach
    void start() throws Exception {
        registry = new TestRegistry();
        kafka.setProperty(WireFormats.URL, registry.url() + "/");
    }

    @AfterEach
    void stop() {
        registry.close();
    }

    @Test
    void withoutARegistryRecordsHaveSingleObjectEncoding() throws Exception {
        kafka.clear();
        assertThat(writing()).isSameAs(WireFormat.SINGLE_OBJECT);
        assertThat(WireFormats.reading(kafka)).isSameAs(WireFormat.SINGLE_OBJECT);
    }

    @Test
    void aReaderElsewhereAsksOnce() throws Exception {
        registry.register("\"string\"");
        byte[] bytes = writing().encode(RecordCodec.PROMPT_REQUEST, REQUEST);
        assertThat(bytes).startsWith(0, 0, 0, 0, 2);
        assertThat(registry.idOf("prompts-value")).isEqualTo(2);
        WireFormat reading = InstantiationUtil.clone(WireFormats.reading(kafka));
        for (int i = 0; i < 3; i++) {
            assertThat(reading.decode(RecordCodec.PROMPT_REQUEST, bytes)).isEqualTo(REQUEST);
        }
        assertThat(registry.requests("GET /schemas/ids/2")).isEqualTo(1);
    }

    @Test
    void theSameSchemaKeepsItsId() throws Exception {
        byte[] first = writing().encode(RecordCodec.PROMPT_REQUEST, REQUEST);
        assertThat(writing().encode(RecordCodec.PROMPT_REQUEST, REQUEST)).isEqualTo(first);
    }

    @Test
    void anIdThatIsNotRegisteredIsTheRecordsFault() {
        assertThatThrownBy(() -> decode(new byte[] {0, 0, 0, 0, 9}))
                .isInstanceOf(RecordFormatException.class)
                .hasMessageContaining("schema id=9");
    }

    @Test
    void anAddressThatIsNotTheRegistrysIsNot() {
        kafka.setProperty(WireFormats.URL, registry.url() + "/elsewhere");
        assertThatThrownBy(() -> decode(new byte[] {0, 0, 0, 0, 9}))
                .isInstanceOf(SchemaRegistryException.class)
                .hasMessageContaining("/elsewhere/schemas/ids/9: status=404");
    }

    @Test
    void aShortOutageIsWaitedFor() throws Exception {
        byte[] bytes = writing().encode(RecordCodec.PROMPT_REQUEST, REQUEST);
        registry.stop();
        CompletableFuture<Void> up =
                CompletableFuture.runAsync(
                        () -> {
                            try {
                                registry.start();
                            } catch (Exception e) {
                                throw new IllegalStateException(e);
                            }
                        },
                        CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS));
        assertThat(decode(bytes)).isEqualTo(REQUEST);
        up.join();
    }

    @Test
    void aLongOneIsNamedAndNotTheRecordsFault() {
        registry.refuseWith(503);
        assertThatThrownBy(() -> decode(new byte[] {0, 0, 0, 0, 1}))
                .isInstanceOf(SchemaRegistryException.class)
                .hasMessageContaining("GET " + registry.url() + "/schemas/ids/1")
                .hasMessageContaining("status=503");
        assertThat(registry.requests("GET /schemas/ids/1")).isEqualTo(6);
    }

    /** Its headers come, which is all that the timeouts of the JDK's client wait for. */
    @Test
    void oneThatHangsIsGivenUpSoon() {
        registry.hang();
        long begin = System.nanoTime();
        assertThatThrownBy(() -> decode(new byte[] {0, 0, 0, 0, 1}))
                .isInstanceOf(SchemaRegistryException.class)
                .hasMessageContaining("GET " + registry.url() + "/schemas/ids/1")
                .hasMessageContaining("given up after 10 s in all");
        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(11));
    }

    @Test
    void aRedirectDoesNotGetTheCredentials() throws Exception {
        kafka.setProperty("basic.auth.user.info", "user:hush");
        try (TestRegistry elsewhere = new TestRegistry()) {
            registry.redirectTo(elsewhere.url().replace("//", "//user:hush@"));
            assertThatThrownBy(this::writing)
                    .isInstanceOf(SchemaRegistryException.class)
                    .hasMessageContaining("status=302, a redirect to " + elsewhere.url() + ",")
                    .message()
                    .doesNotContain("hush");
            assertThat(elsewhere.authorization()).isNull();
            assertThat(elsewhere.requests("POST /subjects/prompts-value/versions")).isZero();
        }
    }

    @Test
    void aRefusedSchemaIsNamedAtOnce() {
        for (int status : new int[] {409, 422, 401}) {
            registry.refuseWith(status);
            assertThatThrownBy(this::writing)
                    .isInstanceOf(SchemaRegistryException.class)
                    .hasMessageContaining("POST " + registry.url() + "/subjects/prompts-value")
                    .hasMessageContaining("status=" + status)
                    .hasMessageContaining("\"message\":\"refused\"");
        }
        assertThat(registry.requests("POST /subjects/prompts-value/versions")).isEqualTo(3);
    }

    @Test
    void credentialsAreThoseOfConfluentsClients() throws Exception {
        writing();
        assertThat(registry.authorization()).isNull();
        for (String name :
                new String[] {"schema.registry.basic.auth.user.info", "basic.auth.user.info"}) {
            kafka.setProperty(name, "user:" + name);
            writing();
            String expected = Base64.getEncoder().encodeToString(("user:" + name).getBytes());
            assertThat(registry.authorization()).isEqualTo("Basic " + expected);
        }
    }

    @Test
    void anAddressMustBeOne() {
        for (String url :
                new String[] {"localhost:8081", "http://u:hush@host", "http://a,http://b"}) {
            kafka.setProperty(WireFormats.URL, url);
            assertThatThrownBy(() -> WireFormats.reading(kafka))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("http://HOST:PORT")
                    .message()
                    .doesNotContain("hush");
        }
    }

    private WireFormat writing() throws Exception {
        return WireFormats.writing(kafka, Map.of(RecordCodec.PROMPT_REQUEST, "prompts"));
    }

    private PromptRequest decode(byte[] bytes) throws Exception {
        return WireFormats.reading(kafka).decode(RecordCodec.PROMPT_REQUEST, bytes);
    }
}
