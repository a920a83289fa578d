// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cpu;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Memory of closed buffers, kept for the next ones of the same size: memory that the process has
 * already need not be cleared by the system again, which for a page pool takes longer than reading
 * back what it held. The system may take idle memory as if it were free. Thread safe.
 */
final class IdleMemory implements AutoCloseable {
    private record Block(long address, long bytes) {
        void free() {
            CpuBuffer.free(address, bytes);
        }
    }

    private final Deque<Block> idle = new ArrayDeque<>();
    private boolean closed;

    /** A buffer with any contents. Where none of its size is idle, all that is idle is freed. */
    synchronized CpuBuffer allocate(long bytes) {
        if (idle.stream().anyMatch(block -> block.bytes != bytes)) {
            freeAll();
        }
        long address = idle.isEmpty() ? CpuBuffer.allocate(bytes) : idle.pop().address;
        return new CpuBuffer(bytes, address, released -> keep(new Block(released, bytes)));
    }

    private synchronized void keep(Block block) {
        if (closed) {
            block.free();
            return;
        }
        CpuNative.discard(block.address, block.bytes);
        idle.push(block);
    }

    private void freeAll() {
        idle.forEach(Block::free);
        idle.clear();
    }

    @Override
    public synchronized void close() {
        closed = true;
        freeAll();
    }
}
