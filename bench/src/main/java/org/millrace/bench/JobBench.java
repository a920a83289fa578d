// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.OutputReader;
import org.millrace.client.PromptPublisher;
import org.millrace.engine.kvcache.KvType;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.Usage;

/**
 * A {@link TextWorkload} through the real job in a process of its own: broker, cluster and job as
 * {@code millrace run} starts them, with the job's defaults. The client that publishes and reads
 * runs here too and takes its part of the processors. Prints a {@link Throughput} as JSON.
 *
 * <p>Arguments: model file, cache type, threads, sessions, directory for topics and checkpoints,
 * which is deleted.
 */
final class JobBench {
    private static final Duration POLL = Duration.ofMillis(100);

    private final RunningJob job;
    private final PromptPublisher publisher;
    private final OutputReader reader;

    private JobBench(RunningJob job, PromptPublisher publisher, OutputReader reader) {
        this.job = job;
        this.publisher = publisher;
        this.reader = reader;
    }

    public static void main(String[] args) throws Exception {
        Configuration config = configuration(args[0], args[1], args[2]);
        TextWorkload measured = TextWorkload.measured(Integer.parseInt(args[3]));
        Throughput throughput =
                BenchJob.run(
                        config,
                        Path.of(args[4]),
                        (cluster, job, reader, publisher) -> {
                            JobBench bench = new JobBench(job, publisher, reader);
                            System.err.println("warmed up: " + bench.run(TextWorkload.warmUp()));
                            return bench.run(measured);
                        });
        System.out.println(new ObjectMapper().writeValueAsString(throughput));
    }

    static Configuration configuration(String model, String kvType, String threads) {
        Configuration config = new Configuration();
        config.set(GenerationOptions.MODEL, model);
        config.set(GenerationOptions.KV_TYPE, KvType.valueOf(kvType));
        config.set(GenerationOptions.THREADS, Integer.parseInt(threads));
        // The default would fall back to Java where they cannot run.
        config.set(GenerationOptions.KERNELS, "cpu");
        // A run with a failure in it is no measurement.
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        return config;
    }

    private Throughput run(TextWorkload workload) throws Exception {
        int checkpointsBefore = job.checkpoints().size();
        Map<String, Usage> answered = new HashMap<>();
        long lastTokenNanos = 0;
        long begin = System.nanoTime();
        workload.requests().forEach(publisher::publish);
        publisher.flush();
        while (answered.size() < workload.sessions()) {
            job.checkRunning();
            for (SpecificRecord output : reader.poll(POLL)) {
                if (output instanceof Completion completion) {
                    answered.put(completion.getSessionId(), completion.getUsage());
                } else if (output instanceof DeadLetter letter) {
                    throw new IOException(
                            "refused: " + letter.getReason() + ": " + letter.getDetail());
                } else {
                    lastTokenNanos = System.nanoTime();
                }
            }
        }
        long end = System.nanoTime();
        return new Throughput(
                answered.values().stream().mapToLong(Usage::getPromptTokens).sum(),
                answered.values().stream().mapToLong(Usage::getGeneratedTokens).sum(),
                (lastTokenNanos - begin) / 1e9,
                (end - begin) / 1e9,
                job.checkpoints().size() - checkpointsBefore);
    }
}
