package org.millrace.engine.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.TreeMap;
import org.millrace.engine.kernels.DeviceBuffer;
import org.millrace.engine.kernels.KernelProvider;

/**
 * Memory for the statistics of profiled turns: one buffer that all kernels of a step add to, see
 * {@link Profile}. Grows when it must; empty until the first turn is profiled. Not thread safe;
 * closed by its pool. Offsets and sizes are in longs.
 */
public final class TurnStatistics implements AutoCloseable {
    private static final int COPY_LONGS = 1 << 15;

    private final KernelProvider kernels;

    /** Size of each range in use, by its offset. */
    private final TreeMap<Long, Long> ranges = new TreeMap<>();

    private DeviceBuffer buffer;

    TurnStatistics(KernelProvider kernels) {
        this.kernels = kernels;
    }

    /** What kernels add to; null before the first {@link #allocate}. */
    public DeviceBuffer buffer() {
        return buffer;
    }

    /** Takes a range of zeros; returns its offset. */
    long allocate(long size) {
        long offset = firstGap(size);
        if (buffer == null || Long.BYTES * (offset + size) > buffer.bytes()) {
            grow(offset + size);
        }
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

    private void grow(long size) {
        long used = ranges.isEmpty() ? 0 : ranges.lastKey() + ranges.lastEntry().getValue();
        DeviceBuffer larger = kernels.allocate(Long.BYTES * Math.max(size, 2 * used));
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
