// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.util.FileUtils;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.millrace.cli.run.LocalCluster;
import org.millrace.cli.run.RunningJob;
import org.millrace.cli.run.WorkDirectory;
import org.millrace.client.PromptPublisher;
import org.millrace.client.broker.EmbeddedBroker;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;

/** One broker and one Flink cluster for all tests of a JVM; each test has topics of its own. */
public final class TestCluster implements AutoCloseable {
    public static final int SLOTS = 3;

    private final List<RunningJob> jobs = new ArrayList<>();
    private final AtomicInteger scenarios = new AtomicInteger();
    private final Path directory;
    private final EmbeddedBroker broker;
    private final LocalCluster flink;

    private TestCluster() {
        try {
            directory = Files.createTempDirectory("millrace-test");
            broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
            Configuration config = new Configuration();
            config.set(CoreOptions.DEFAULT_PARALLELISM, SLOTS);
            config.set(RestOptions.BIND_PORT, "0");
            // So that a test can go back to an older one.
            config.set(CheckpointingOptions.MAX_RETAINED_CHECKPOINTS, 30);
            config.set(RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_ATTEMPTS, 3);
            flink = LocalCluster.start(config, WorkDirectory.take(directory));
        } catch (Exception e) {
            throw new IllegalStateException("cannot start the test cluster", e);
        }
    }

    /** Starts a job; what a test leaves running is cancelled after it. */
    public RunningJob submit(Configuration job) throws Exception {
        RunningJob running = flink.submit(job);
        jobs.add(running);
        return running;
    }

    String webAddress() throws Exception {
        return flink.webAddress();
    }

    public String bootstrapServers() {
        return broker.bootstrapServers();
    }

    public Properties kafka() {
        Properties properties = new Properties();
        properties.setProperty("bootstrap.servers", broker.bootstrapServers());
        return properties;
    }

    /**
     * Options of a job on the tiny model, with topics that no other test has and that exist
     * already.
     */
    public Configuration newJob() throws Exception {
        String name = "test" + scenarios.incrementAndGet();
        Configuration config = new Configuration();
        config.setString("pipeline.name", name);
        config.set(MillraceOptions.BOOTSTRAP_SERVERS, broker.bootstrapServers());
        config.set(GenerationOptions.MODEL, tinyModel());
        config.set(MillraceOptions.PROMPTS_TOPIC, name + "-prompts");
        config.set(MillraceOptions.TOKENS_TOPIC, name + "-tokens");
        config.set(MillraceOptions.COMPLETIONS_TOPIC, name + "-completions");
        config.set(MillraceOptions.DEAD_LETTERS_TOPIC, name + "-dead-letters");
        try (Admin admin = Admin.create(kafka())) {
            KafkaTopics.of(config).createMissing(admin, SLOTS);
        }
        return config;
    }

    /** Asks each of {@code sessions} once, for exactly {@code maxTokens} tokens. */
    void publish(String topic, int sessions, int maxTokens) throws Exception {
        try (PromptPublisher publisher = new PromptPublisher(kafka(), topic)) {
            for (int i = 0; i < sessions; i++) {
                publisher.publish(
                        PromptRequest.newBuilder()
                                .setSessionId("session-" + i)
                                .setRequestId("r")
                                .setText("Prompt " + i)
                                .setLimits(
                                        GenerationLimits.newBuilder()
                                                .setMaxTokens(maxTokens)
                                                .setIgnoreEos(true)
                                                .build())
                                .build());
            }
        }
    }

    /** Publishes a record that no schema fits. */
    public void publishGarbage(String topic) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        kafka(), new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(topic, new byte[] {1, 2, 3})).get();
        }
    }

    public static String tinyModel() throws Exception {
        return Path.of(TestCluster.class.getResource("/golden/tiny/k256/q4_1.gguf").toURI())
                .toString();
    }

    @Override
    public void close() throws IOException {
        flink.close();
        broker.close();
        FileUtils.deleteDirectory(directory.toFile());
    }

    private void cancelJobs() throws Exception {
        for (RunningJob job : jobs) {
            if (job.isRunning()) {
                job.cancel();
            }
        }
        jobs.clear();
    }

    /** Hands the cluster to test methods. */
    public static final class Extension implements ParameterResolver, AfterEachCallback {
        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == TestCluster.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            return shared(context);
        }

        @Override
        public void afterEach(ExtensionContext context) throws Exception {
            shared(context).cancelJobs();
        }

        private static TestCluster shared(ExtensionContext context) {
            return context.getRoot()
                    .getStore(Namespace.GLOBAL)
                    .getOrComputeIfAbsent(
                            TestCluster.class, key -> new TestCluster(), TestCluster.class);
        }
    }
}
