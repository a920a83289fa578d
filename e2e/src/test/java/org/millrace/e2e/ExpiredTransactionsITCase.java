// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.millrace.e2e.RecoveryITCase.publish;
import static org.millrace.e2e.RecoveryITCase.requests;
import static org.millrace.e2e.RecoveryITCase.results;
import static org.millrace.e2e.RecoveryITCase.undisturbed;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.cli.run.RunningJob;
import org.millrace.jobs.MillraceOptions;
import org.millrace.schemas.PromptRequest;

/**
 * The broker aborts a transaction whose answers a checkpoint counts as sent: they come all the
 * same, and once.
 *
 * <p>Checkpoints are taken by hand. A savepoint that the job goes on after is like a checkpoint
 * whose completion nobody was told of: its transaction is complete and stays open.
 */
@Tag("nightly")
@ExtendWith(TestCluster.Extension.class)
class ExpiredTransactionsITCase {
    private static final int SESSIONS = 8;
    private static final int MAX_TOKENS = 20;

    @TempDir private Path directory;
    private Configuration config;
    private String name;

    @BeforeEach
    void newJob(TestCluster cluster) throws Exception {
        Path properties = directory.resolve("kafka.properties");
        Files.writeString(properties, "transaction.timeout.ms=3000\n");
        config = cluster.newJob();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 2);
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofHours(1));
        config.set(CheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS, Duration.ofHours(1));
        config.set(MillraceOptions.KAFKA_PROPERTIES, properties.toString());
        name = config.toMap().get("pipeline.name");
    }

    @Test
    void jobThatIsDownForLongerSendsItsAnswersAgain(TestCluster cluster) throws Exception {
        List<PromptRequest> requests = requests(SESSIONS, 2, MAX_TOKENS);
        try (Outputs outputs = new Outputs(cluster, config)) {
            RunningJob job = cluster.submit(config);
            answered(cluster, job, outputs, requests.subList(0, SESSIONS));
            String savepoint;
            try (FlinkClient flink = new FlinkClient(cluster.webAddress(), name)) {
                savepoint = flink.savepoint(directory);
            }
            job.cancel();
            awaitExpiry(cluster);

            config.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
            config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
            config.removeConfig(CheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS);
            RunningJob restored = cluster.submit(config);
            outputs.await(restored, o -> o.completions.size() >= SESSIONS);
            publish(cluster, config, requests.subList(SESSIONS, 2 * SESSIONS));
            outputs.await(restored, o -> o.completions.size() >= 2 * SESSIONS);
            restored.stop();
            outputs.drain();
            assertThat(results(outputs)).isEqualTo(undisturbed(cluster, requests));
        }
    }

    @Test
    void runningJobGoesBackAndSendsItsAnswersAgain(TestCluster cluster) throws Exception {
        List<PromptRequest> requests = requests(SESSIONS, 1, MAX_TOKENS);
        try (Outputs outputs = new Outputs(cluster, config)) {
            RunningJob job = cluster.submit(config);
            answered(cluster, job, outputs, requests);
            try (FlinkClient flink = new FlinkClient(cluster.webAddress(), name)) {
                flink.savepoint(directory);
                awaitExpiry(cluster);
                flink.checkpoint();
                outputs.await(job, o -> flink.hasRestarted());
                job.awaitRunning();
                flink.checkpoint();
                outputs.await(job, o -> o.completions.size() >= SESSIONS);
            }
            job.stop();
            outputs.drain();
            assertThat(results(outputs)).isEqualTo(undisturbed(cluster, requests));
        }
    }

    /** Publishes and waits until all are in a transaction. */
    private void answered(
            TestCluster cluster, RunningJob job, Outputs outputs, List<PromptRequest> requests)
            throws Exception {
        publish(cluster, config, requests);
        outputs.await(job, o -> o.tokens.size() >= requests.size() * MAX_TOKENS);
        assertThat(outputs.completions).isEmpty();
    }

    private void awaitExpiry(TestCluster cluster) throws Exception {
        try (Admin admin = Admin.create(cluster.kafka())) {
            while (admin.listTransactions().all().get().stream()
                    .filter(transaction -> transaction.transactionalId().startsWith(name + "-"))
                    .map(TransactionListing::state)
                    .anyMatch(state -> state == TransactionState.ONGOING)) {
                Thread.sleep(100);
            }
        }
    }
}
