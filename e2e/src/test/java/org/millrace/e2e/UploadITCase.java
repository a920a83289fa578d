// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.millrace.cli.run.RunningJob;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.jobs.MillraceOptions;
import org.millrace.operators.GenerationOptions;
import org.millrace.schemas.Completion;

/** Each slot goes into a checkpoint once: what a run uploads is not much more than its caches. */
@Tag("nightly")
@ExtendWith(TestCluster.Extension.class)
class UploadITCase {
    private static final int SESSIONS = 64;
    private static final int MAX_TOKENS = 450;
    private static final double MOST = 1.15;

    @Test
    void slotsAreUploadedOnce(TestCluster cluster) throws Exception {
        Configuration config = cluster.newJob();
        config.set(CoreOptions.DEFAULT_PARALLELISM, 1);
        // So long that each session fills more than 8 pages a head between two checkpoints.
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(5));
        config.set(GenerationOptions.REMEMBERED_REQUESTS, 0);
        RunningJob job = cluster.submit(config);
        try (Outputs outputs = new Outputs(cluster, config)) {
            cluster.publish(config.get(MillraceOptions.PROMPTS_TOPIC), SESSIONS, MAX_TOKENS);
            outputs.await(job, o -> o.completions.size() >= SESSIONS);
            int checkpoints = job.checkpoints().size();
            outputs.await(job, o -> sizeOf(job) > checkpoints);
            job.stop();
            long cacheBytes =
                    outputs.completions.stream().mapToLong(UploadITCase::cacheBytes).sum();
            long uploaded =
                    job.checkpoints().stream().mapToLong(RunningJob.Checkpoint::bytes).sum();
            System.out.printf(
                    "checkpoints=%d, uploaded=%d, cacheBytes=%d, ratio=%.3f%n",
                    job.checkpoints().size(), uploaded, cacheBytes, (double) uploaded / cacheBytes);
            assertThat((double) uploaded / cacheBytes).isBetween(1.0, MOST);
        }
    }

    /** Of the positions, without the empty part of each head's last page. */
    private static long cacheBytes(Completion completion) {
        // The last token is not computed.
        int positions =
                completion.getUsage().getPromptTokens()
                        + completion.getUsage().getGeneratedTokens()
                        - 1;
        int pageSlots = KvPageDescriptor.PAGE_SLOTS;
        int slots = (positions + pageSlots - 1) / pageSlots * pageSlots;
        return completion.getCache().getBytes() * positions / slots;
    }

    private static int sizeOf(RunningJob job) {
        try {
            return job.checkpoints().size();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
