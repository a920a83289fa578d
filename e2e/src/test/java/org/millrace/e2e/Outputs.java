// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.function.Predicate;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.configuration.Configuration;
import org.millrace.cli.run.RunningJob;
import org.millrace.client.OutputReader;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.TokenDelta;

/** What a job has written that a reader of committed records sees, from the beginning on. */
final class Outputs implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    final List<TokenDelta> tokens = new ArrayList<>();
    final List<Completion> completions = new ArrayList<>();
    final List<DeadLetter> deadLetters = new ArrayList<>();
    private final OutputReader reader;

    Outputs(TestCluster cluster, Configuration job) {
        this(cluster.kafka(), job);
    }

    Outputs(Properties kafka, Configuration job) {
        reader = OutputReader.fromBeginning(kafka, KafkaTopics.of(job));
    }

    /** Reads until {@code enough} or the job or the time ends. */
    void await(RunningJob job, Predicate<Outputs> enough) throws Exception {
        long deadlineNanos = System.nanoTime() + TIMEOUT.toNanos();
        while (!enough.test(this)) {
            job.checkRunning();
            add(reader.poll(Duration.ofMillis(100)));
            if (System.nanoTime() > deadlineNanos) {
                throw new AssertionError("timed out with " + this);
            }
        }
    }

    /** Reads to the ends of the topics; for jobs that have ended. */
    void drain() throws Exception {
        add(reader.readToEnd());
    }

    private void add(List<SpecificRecord> outputs) {
        for (SpecificRecord output : outputs) {
            if (output instanceof TokenDelta token) {
                tokens.add(token);
            } else if (output instanceof Completion completion) {
                completions.add(completion);
            } else if (output instanceof DeadLetter letter) {
                deadLetters.add(letter);
            }
        }
    }

    @Override
    public void close() {
        reader.close();
    }

    @Override
    public String toString() {
        return tokens.size()
                + " tokens, "
                + completions.size()
                + " completions, dead letters "
                + deadLetters;
    }
}
