// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.nio.file.Path;
import java.util.Properties;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.util.FileUtils;
import org.millrace.cli.run.LocalCluster;
import org.millrace.cli.run.RunningJob;
import org.millrace.cli.run.WorkDirectory;
import org.millrace.client.OutputReader;
import org.millrace.client.PromptPublisher;
import org.millrace.client.broker.EmbeddedBroker;
import org.millrace.jobs.KafkaProperties;
import org.millrace.jobs.KafkaTopics;
import org.millrace.jobs.MillraceOptions;

/** The real job in this process: broker, cluster and client as {@code millrace run} starts them. */
final class BenchJob {
    /** What is done with it once it runs. */
    interface Body<T> {
        T run(LocalCluster cluster, RunningJob job, OutputReader reader, PromptPublisher publisher)
                throws Exception;
    }

    private BenchJob() {}

    /**
     * Starts all of it, runs the body, ends all of it.
     *
     * @param directory for topics, state and checkpoints; deleted before, should a run that was
     *     killed have left it, and in the end
     */
    static <T> T run(Configuration config, Path directory, Body<T> body) throws Exception {
        FileUtils.deleteDirectory(directory.toFile());
        try (WorkDirectory work = WorkDirectory.take(directory);
                EmbeddedBroker broker = EmbeddedBroker.start(work.broker(), 0)) {
            config.set(MillraceOptions.BOOTSTRAP_SERVERS, broker.bootstrapServers());
            Properties kafka = KafkaProperties.load(config);
            KafkaTopics topics = KafkaTopics.of(config);
            try (LocalCluster cluster = LocalCluster.start(config, work)) {
                RunningJob job = cluster.submit(new Configuration());
                job.awaitRunning();
                try (OutputReader reader = OutputReader.fromEnd(kafka, topics);
                        PromptPublisher publisher = new PromptPublisher(kafka, topics.prompts())) {
                    return body.run(cluster, job, reader, publisher);
                }
            }
        } finally {
            FileUtils.deleteDirectory(directory.toFile());
        }
    }
}
