// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.configuration.Configuration;
import org.millrace.client.OutputReader;
import org.millrace.client.PromptPublisher;
import org.millrace.jobs.KafkaTopics;
import org.millrace.schemas.PromptRequest;

/** The run to compare with: the same requests, one after the other, and no fault. */
final class Undisturbed {
    /** Of a job that nothing comes from any more what is missing will not come. */
    static final Duration QUIET_TIMEOUT = Duration.ofSeconds(180);

    private Undisturbed() {}

    /**
     * Runs a job until all turns are answered, and stops it.
     *
     * @param config of the job, with topics of its own
     * @param turns how many turns are among the requests
     */
    static Outcome run(
            Cluster cluster,
            Submission submission,
            Configuration config,
            List<PromptRequest> requests,
            int turns)
            throws Exception {
        ClusterJob job = cluster.submit(submission, config);
        KafkaTopics topics = KafkaTopics.of(config);
        Outcome outcome = new Outcome();
        try (PromptPublisher publisher = new PromptPublisher(cluster.kafka(), topics.prompts());
                OutputReader reader = OutputReader.fromBeginning(cluster.kafka(), topics)) {
            requests.forEach(publisher::publish);
            long deadlineNanos = System.nanoTime() + QUIET_TIMEOUT.toNanos();
            while (outcome.answeredTurns() < turns) {
                for (SpecificRecord output : reader.poll(Duration.ofMillis(100))) {
                    outcome.accept(output);
                    deadlineNanos = System.nanoTime() + QUIET_TIMEOUT.toNanos();
                }
                if (System.nanoTime() > deadlineNanos) {
                    throw new IOException(
                            "the undisturbed run hangs: answered="
                                    + outcome.answeredTurns()
                                    + " of "
                                    + turns);
                }
            }
            cluster.stop(job);
            reader.readToEnd().forEach(outcome::accept);
        }
        return outcome;
    }
}
