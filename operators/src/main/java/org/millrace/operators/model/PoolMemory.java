// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.model;

import org.apache.flink.runtime.memory.MemoryManager;
import org.apache.flink.runtime.memory.MemoryReservationException;

/**
 * The part of the task manager's managed memory that the page pool takes the place of. Reserved as
 * long as this is open; the pool itself is native memory.
 */
public final class PoolMemory implements AutoCloseable {
    private final MemoryManager manager;
    private final long bytes;

    private PoolMemory(MemoryManager manager, long bytes) {
        this.manager = manager;
        this.bytes = bytes;
    }

    /**
     * Reserves the operator's share.
     *
     * @param fraction of the slot's managed memory
     * @throws IllegalStateException naming the settings to change if there is none
     */
    public static PoolMemory reserve(MemoryManager manager, double fraction) {
        long bytes = fraction > 0 ? manager.computeMemorySize(fraction) : 0;
        if (bytes == 0) {
            throw tooSmall(manager, fraction, bytes, "the operator has no share", null);
        }
        PoolMemory memory = new PoolMemory(manager, bytes);
        try {
            manager.reserveMemory(memory, bytes);
        } catch (MemoryReservationException e) {
            throw tooSmall(manager, fraction, bytes, e.getMessage(), e);
        }
        return memory;
    }

    private static IllegalStateException tooSmall(
            MemoryManager manager, double fraction, long bytes, String why, Exception cause) {
        return new IllegalStateException(
                String.format(
                        "no memory for the page pool: poolBytes=%d (fraction=%s of managedBytes=%d): %s; raise"
                                + " taskmanager.memory.managed.size, or OPERATOR in"
                                + " taskmanager.memory.managed.consumer-weights",
                        bytes, fraction, manager.getMemorySize(), why),
                cause);
    }

    public long bytes() {
        return bytes;
    }

    @Override
    public void close() {
        manager.releaseMemory(this, bytes);
    }
}
