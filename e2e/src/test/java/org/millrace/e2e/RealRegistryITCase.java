// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.millrace.e2e.SchemaRegistryITCase.consume;
import static org.millrace.e2e.SchemaRegistryITCase.execute;
import static org.millrace.e2e.SchemaRegistryITCase.header;
import static org.millrace.e2e.SchemaRegistryITCase.laterVersion;
import static org.millrace.e2e.SchemaRegistryITCase.produce;
import static org.millrace.e2e.SchemaRegistryITCase.request;
import static org.millrace.e2e.SchemaRegistryITCase.send;
import static org.millrace.e2e.SchemaRegistryITCase.tokens;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.RedriveCommand;
import org.millrace.jobs.KafkaProperties;
import org.millrace.jobs.MillraceOptions;
import org.millrace.jobs.registry.ApicurioProcess;
import org.millrace.jobs.registry.TestRegistry;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.RecordCodec;

/** The job and its clients with a registry that others have made; {@code e2e/registry-check}. */
@ExtendWith(TestCluster.Extension.class)
@EnabledIfSystemProperty(
        named = RealRegistryITCase.REGISTRY,
        matches = ".+",
        disabledReason = "e2e/registry-check starts a real registry for it")
class RealRegistryITCase {
    static final String REGISTRY = "millrace.test.registry";

    private static final int NO_SCHEMA = 99_999;

    @TempDir private static Path directory;
    private static ApicurioProcess registry;

    @BeforeAll
    static void startRegistry() throws Exception {
        registry =
                new ApicurioProcess(
                        System.getProperty(REGISTRY + ".java"),
                        Path.of(System.getProperty(REGISTRY)),
                        directory);
        registry.start();
    }

    @AfterAll
    static void stopRegistry() {
        registry.close();
    }

    @Test
    void promptsOfManyWritersAreAnsweredAndNoneIsLostInAnOutage(TestCluster cluster)
            throws Exception {
        Configuration config = cluster.newJob();
        config.set(MillraceOptions.SCHEMA_REGISTRY_URL, registry.url());
        // It takes long to start.
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 1000);
        config.set(
                RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofSeconds(1));
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(KafkaProperties.load(config), config);
                FlinkClient flink =
                        new FlinkClient(
                                cluster.webAddress(), config.toMap().get("pipeline.name"))) {
            byte[] unseen = laterVersion(registry::register, "spanId", "outage");
            assertThat(produce(config, directory, "ours")).isZero();
            send(config, "older", RecordCodec.PROMPT_REQUEST.encode(request("older")));
            send(config, "later", laterVersion(registry::register, "traceId", "later"));
            send(config, "s", header(NO_SCHEMA));
            send(config, "s", header(registry.idOf(tokens(config) + "-value")));
            send(config, "s", "{}".getBytes(StandardCharsets.UTF_8));
            outputs.await(job, o -> o.completions.size() + o.deadLetters.size() >= 6);

            registry.kill();
            send(config, "outage", unseen);
            outputs.await(job, o -> flink.hasRestarted());
            registry.start();
            outputs.await(job, o -> o.completions.size() >= 4);
            assertThat(consume(config)).contains("\"sessionId\": \"outage\"");
            assertThat(execute(new RedriveCommand(), config)).isZero();
            outputs.await(job, o -> o.deadLetters.size() >= 6);
            job.stop();
            outputs.drain();

            assertThat(outputs.completions)
                    .extracting(Completion::getSessionId)
                    .containsExactlyInAnyOrder("ours", "older", "later", "outage");
            assertThat(outputs.deadLetters)
                    .extracting(DeadLetter::getReason)
                    .containsExactlyInAnyOrder(
                            "unknown_schema",
                            "incompatible_schema",
                            "not_avro",
                            "unknown_schema",
                            "incompatible_schema",
                            "not_avro");
        }
    }

    /** Credentials are sent to the registry that is configured, which does not mind them. */
    @Test
    void aRedirectToItIsNotFollowed(TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        Path kafka = directory.resolve("kafka.properties");
        Files.writeString(kafka, "basic.auth.user.info=user:hush\n");
        config.set(MillraceOptions.KAFKA_PROPERTIES, kafka.toString());
        try (TestRegistry elsewhere = new TestRegistry()) {
            elsewhere.redirectTo(registry.url());
            config.set(MillraceOptions.SCHEMA_REGISTRY_URL, elsewhere.url());
            assertThatThrownBy(() -> cluster.submit(config))
                    .hasMessageContaining("status=302, a redirect to " + host(registry.url()))
                    .message()
                    .doesNotContain("hush");
        }
        assertThatThrownBy(() -> registry.idOf(tokens(config) + "-value"))
                .hasMessageContaining("404");
        config.set(MillraceOptions.SCHEMA_REGISTRY_URL, registry.url());
        cluster.submit(config).cancel();
        assertThat(registry.idOf(tokens(config) + "-value")).isPositive();
    }

    private static String host(String url) {
        return url.substring(0, url.indexOf("/apis"));
    }
}
