// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** Bytes that each checkpoint uploaded, collected while the JobManager knows. Not thread safe. */
final class CheckpointSizes {
    private static final Duration INTERVAL = Duration.ofSeconds(1);

    private final FlinkRest rest;
    private final Map<Long, Long> bytes = new HashMap<>();
    private long nextNanos = System.nanoTime();

    CheckpointSizes(FlinkRest rest) {
        this.rest = rest;
    }

    /** Asks the JobManager, if it was not asked a moment ago. */
    void poll(ClusterJob job) throws InterruptedException {
        if (System.nanoTime() < nextNanos) {
            return;
        }
        nextNanos = System.nanoTime() + INTERVAL.toNanos();
        for (JsonNode checkpoint : rest.get(job.path() + "/checkpoints").path("history")) {
            if (checkpoint.path("status").asText().equals("COMPLETED")
                    && !checkpoint.path("is_savepoint").asBoolean()) {
                bytes.put(
                        checkpoint.path("id").asLong(),
                        checkpoint.path("checkpointed_size").asLong());
            }
        }
    }

    /** Sizes in ascending order. */
    double[] sorted() {
        return bytes.values().stream().mapToDouble(Long::doubleValue).sorted().toArray();
    }
}
