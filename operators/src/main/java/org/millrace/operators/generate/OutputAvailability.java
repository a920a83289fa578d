// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.concurrent.CompletableFuture;
import org.apache.flink.runtime.io.network.api.writer.ResultPartitionWriter;

/**
 * Whether the task may emit: whether each of its outputs has a buffer. The task asks this before it
 * takes in a record, and so does generation before each step, which emits without being asked.
 */
final class OutputAvailability {
    private final ResultPartitionWriter[] writers;

    OutputAvailability(ResultPartitionWriter[] writers) {
        this.writers = writers;
    }

    boolean isAvailable() {
        for (ResultPartitionWriter writer : writers) {
            if (!writer.isAvailable()) {
                return false;
            }
        }
        return true;
    }

    /** Completes when all have a buffer; another may be gone again by then. */
    CompletableFuture<Void> whenAvailable() {
        CompletableFuture<?>[] all = new CompletableFuture<?>[writers.length];
        for (int i = 0; i < writers.length; i++) {
            all[i] = writers[i].getAvailableFuture();
        }
        return CompletableFuture.allOf(all);
    }
}
