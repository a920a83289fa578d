package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.commons.io.FileUtils;
import org.apache.flink.configuration.Configuration;
import org.millrace.jobs.EmbeddedBroker;
import org.millrace.jobs.KafkaProperties;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;
import org.millrace.jobs.client.OutputReader;
import org.millrace.jobs.client.PromptPublisher;
import org.millrace.jobs.run.LocalCluster;
import org.millrace.jobs.run.RunningJob;
import org.millrace.schemas.Completion;
import org.millrace.schemas.GenerationLimits;
import org.millrace.schemas.PromptRequest;

/**
 * How large the state of sessions is under one retention policy: the real job answers a long prompt
 * of each and stops with a savepoint. Prints a {@link StateCosts} as JSON.
 *
 * <p>Arguments: model file, cache type, threads, sessions, prompt in words, retention, directory
 * for topics and state, which is deleted.
 */
final class SavepointBench {
    private static final Duration POLL = Duration.ofMillis(100);
    private static final int GENERATED_TOKENS = 16;

    /**
     * State of the job.
     *
     * @param savepointBytes files of the savepoint
     * @param cacheBytes pages of all sessions, as completions tell
     * @param fullBytes the same uncompressed
     */
    record StateCosts(long savepointBytes, long cacheBytes, long fullBytes) {}

    private SavepointBench() {}

    public static void main(String[] args) throws Exception {
        Configuration config = JobBench.configuration(args[0], args[1], args[2]);
        config.set(MillraceOptions.RETENTION, args[5]);
        Path directory = Files.createDirectories(Path.of(args[6]));
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory.resolve("broker"), 0)) {
            config.set(MillraceOptions.BOOTSTRAP_SERVERS, broker.bootstrapServers());
            StateCosts costs =
                    run(config, directory, Integer.parseInt(args[3]), Integer.parseInt(args[4]));
            System.out.println(new ObjectMapper().writeValueAsString(costs));
        } finally {
            FileUtils.deleteDirectory(directory.toFile());
        }
    }

    private static StateCosts run(Configuration config, Path directory, int sessions, int words)
            throws Exception {
        Properties kafka = KafkaProperties.load(config);
        KafkaTopics topics = KafkaTopics.of(config);
        try (LocalCluster cluster = LocalCluster.start(config, directory)) {
            RunningJob job = cluster.submit(new Configuration());
            job.awaitRunning();
            Map<String, Completion> answers = new HashMap<>();
            try (OutputReader reader = OutputReader.fromEnd(kafka, topics);
                    PromptPublisher publisher = new PromptPublisher(kafka, topics.prompts())) {
                for (int i = 0; i < sessions; i++) {
                    publisher.publish(prompt(i, words));
                }
                publisher.flush();
                while (answers.size() < sessions) {
                    job.checkRunning();
                    for (SpecificRecord output : reader.poll(POLL)) {
                        if (output instanceof Completion completion) {
                            answers.put(completion.getSessionId(), completion);
                        }
                    }
                }
            }
            return new StateCosts(
                    size(Path.of(URI.create(job.stop()))),
                    answers.values().stream().mapToLong(a -> a.getCache().getBytes()).sum(),
                    answers.values().stream().mapToLong(a -> a.getCache().getFullBytes()).sum());
        }
    }

    private static PromptRequest prompt(int session, int words) {
        return PromptRequest.newBuilder()
                .setSessionId("session-" + session)
                .setRequestId("turn")
                .setText(TextWorkload.text(words, session))
                .setLimits(
                        GenerationLimits.newBuilder()
                                .setMaxTokens(GENERATED_TOKENS)
                                .setIgnoreEos(true)
                                .build())
                .build();
    }

    private static long size(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(Files::isRegularFile).mapToLong(f -> f.toFile().length()).sum();
        }
    }
}
