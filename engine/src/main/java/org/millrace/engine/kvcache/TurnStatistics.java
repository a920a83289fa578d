// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.TreeMap;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Memory for the statistics of profiled turns: one buffer that all kernels of a step add to, see
 * {@link Profile}. Grows when it must and can; empty until the first turn is profiled. Not thread
 * safe; closed by its pool. Offsets and sizes are in longs.
 */
public final class TurnStatistics implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TurnStatistics.class);

    /** Instead of an offset: there is no memory now. */
    static final long NO_ROOM = -1;

    private static final int COPY_LONGS = 1 << 15;

    private final KernelProvider kernels;

    /** Size of each range in use, by its offset. */
    private final TreeMap<Long, Long> ranges = new TreeMap<>();

    private DeviceBuffer buffer;

    /** Whether the last range that was asked for could not be had. */
    private boolean isShort;

    TurnStatistics(KernelProvider kernels) {
        this.kernels = kernels;
    }

    /** What kernels add to; null before the first {@link #allocate}. */
    public DeviceBuffer buffer() {
        return buffer;
    }

    /** Takes a range of zeros; returns its offset, or {@link #NO_ROOM}. */
    long allocate(long size) {
        long offset = firstGap(size);
        boolean isEnough = buffer != null && Long.BYTES * (offset + size) <= buffer.bytes();
        if (!isEnough && !grow(offset + size)) {
            if (!isShort) {
                LOG.warn("No memory to measure a prompt, which waits: bytes={}", Long.BYTES * size);
            }
            isShort = true;
            return NO_ROOM;
        }
        isShort = false;
        ranges.put(offset, size);
        ByteBuffer zeros = ByteBuffer.allocateDirect(Long.BYTES * COPY_LONGS);
        for (long at = 0; at < size; at += COPY_LONGS) {
            int count = (int) Math.min(COPY_LONGS, size - at);
            buffer.write(Long.BYTES * (offset + at), zeros.clear().limit(Long.BYTES * count));
        }
        return offset;
    }

    void free(long offset) {
        ranges.remove(offset);
    }

    private long firstGap(long size) {
        long end = 0;
        for (Map.Entry<Long, Long> range : ranges.entrySet()) {
            if (range.getKey() - end >= size) {
                return end;
            }
            end = range.getKey() + range.getValue();
        }
        return end;
    }

    private boolean grow(long size) {
        if (buffer != null && ranges.isEmpty()) {
            buffer.close();
            buffer = null;
        }
        long used = ranges.isEmpty() ? 0 : ranges.lastKey() + ranges.lastEntry().getValue();
        DeviceBuffer larger = allocateUpTo(Math.max(size, 2 * used), size);
        if (larger == null) {
            return false;
        }
        if (buffer != null) {
            ByteBuffer copy = ByteBuffer.allocateDirect(Long.BYTES * COPY_LONGS);
            for (long at = 0; at < used; at += COPY_LONGS) {
                int count = (int) Math.min(COPY_LONGS, used - at);
                buffer.read(Long.BYTES * at, copy.clear().limit(Long.BYTES * count));
                larger.write(Long.BYTES * at, copy.flip());
            }
            buffer.close();
        }
        buffer = larger;
        return true;
    }

    /** Of the larger size, or else of the smaller one; null if there is no memory for that. */
    private DeviceBuffer allocateUpTo(long larger, long smaller) {
        try {
            return kernels.allocate(Long.BYTES * larger);
        } catch (OutOfMemoryError e) {
            return larger == smaller ? null : allocateUpTo(smaller, smaller);
        }
    }

    long[] read(long offset, int count) {
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * count).order(ByteOrder.LITTLE_ENDIAN);
        buffer.read(Long.BYTES * offset, bytes);
        long[] values = new long[count];
        bytes.flip().asLongBuffer().get(values);
        return values;
    }

    void write(long offset, long[] values) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Long.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(values);
        buffer.write(Long.BYTES * offset, bytes);
    }

    @Override
    public void close() {
        if (buffer != null) {
            buffer.close();
        }
    }
}
