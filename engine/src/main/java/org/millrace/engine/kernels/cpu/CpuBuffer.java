// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cpu;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.millrace.engine.kernels.DeviceBuffer;

/** Native memory at a fixed address, freed exactly once. */
final class CpuBuffer implements DeviceBuffer {
    private final long bytes;
    private final AtomicLong address;

    /** Takes the address when the buffer is closed. */
    private final LongConsumer release;

    /** Zeroed memory of its own. */
    CpuBuffer(long bytes) {
        this(bytes, allocate(bytes), address -> free(address, bytes));
    }

    /** Memory that {@code release} takes back. */
    CpuBuffer(long bytes, long address, LongConsumer release) {
        this.bytes = bytes;
        this.address = new AtomicLong(address);
        this.release = release;
    }

    static long allocate(long bytes) {
        long address = CpuNative.allocate(Math.max(bytes, 1));
        if (address == 0) {
            throw new OutOfMemoryError("no native memory for a buffer: bytes=" + bytes);
        }
        return address;
    }

    static void free(long address, long bytes) {
        CpuNative.free(address, Math.max(bytes, 1));
    }

    /** The address of a buffer that must hold {@code needed} bytes. */
    static long address(DeviceBuffer buffer, long needed) {
        CpuBuffer own = (CpuBuffer) buffer;
        if (needed > own.bytes) {
            throw new IndexOutOfBoundsException(
                    "buffer too small: bytes=" + own.bytes + ", needed=" + needed);
        }
        return own.address();
    }

    long address() {
        long current = address.get();
        if (current == 0) {
            throw new IllegalStateException("buffer is closed: bytes=" + bytes);
        }
        return current;
    }

    @Override
    public long bytes() {
        return bytes;
    }

    @Override
    public void write(long offset, ByteBuffer source) {
        long target = range(offset, source.remaining());
        if (source.isDirect()) {
            CpuNative.write(target, source, source.position(), source.remaining());
        } else {
            CpuNative.writeArray(
                    target,
                    source.array(),
                    source.arrayOffset() + source.position(),
                    source.remaining());
        }
        source.position(source.limit());
    }

    @Override
    public void read(long offset, ByteBuffer target) {
        long source = range(offset, target.remaining());
        if (target.isDirect()) {
            CpuNative.read(source, target, target.position(), target.remaining());
        } else {
            CpuNative.readArray(
                    source,
                    target.array(),
                    target.arrayOffset() + target.position(),
                    target.remaining());
        }
        target.position(target.limit());
    }

    private long range(long offset, int length) {
        if (offset < 0 || offset + length > bytes) {
            throw new IndexOutOfBoundsException(
                    "outside the buffer: offset="
                            + offset
                            + ", length="
                            + length
                            + ", bytes="
                            + bytes);
        }
        return address() + offset;
    }

    @Override
    public void close() {
        long owned = address.getAndSet(0);
        if (owned != 0) {
            release.accept(owned);
        }
    }
}
