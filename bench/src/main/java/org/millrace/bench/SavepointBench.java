// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.configuration.Configuration;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.OutputReader;
import org.millrace.jobs.FlinkPaths;
import org.millrace.operators.GenerationOptions;
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
        config.set(GenerationOptions.RETENTION, args[5]);
        int sessions = Integer.parseInt(args[3]);
        int words = Integer.parseInt(args[4]);
        StateCosts costs =
                BenchJob.run(
                        config,
                        Path.of(args[6]),
                        (cluster, job, reader, publisher) -> {
                            for (int i = 0; i < sessions; i++) {
                                publisher.publish(prompt(i, words));
                            }
                            publisher.flush();
                            Collection<Completion> answers = answers(job, reader, sessions);
                            return new StateCosts(
                                    size(FlinkPaths.local(job.stop())),
                                    answers.stream().mapToLong(a -> a.getCache().getBytes()).sum(),
                                    answers.stream()
                                            .mapToLong(a -> a.getCache().getFullBytes())
                                            .sum());
                        });
        System.out.println(new ObjectMapper().writeValueAsString(costs));
    }

    private static Collection<Completion> answers(RunningJob job, OutputReader reader, int sessions)
            throws Exception {
        Map<String, Completion> answers = new HashMap<>();
        while (answers.size() < sessions) {
            job.checkRunning();
            for (SpecificRecord output : reader.poll(POLL)) {
                if (output instanceof Completion completion) {
                    answers.put(completion.getSessionId(), completion);
                }
            }
        }
        return answers.values();
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
