// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicReference;
import org.millrace.engine.kernels.DeviceBuffer;

/** Device memory, freed exactly once. */
final class CudaBuffer implements DeviceBuffer {
    private final CudaDevice device;
    private final long bytes;
    private final AtomicReference<DeviceAddress> address;

    CudaBuffer(CudaDevice device, long bytes) {
        this.device = device;
        this.bytes = bytes;
        this.address = new AtomicReference<>(device.allocate(bytes));
    }

    /** The address of a buffer that must hold {@code needed} bytes. */
    static long address(DeviceBuffer buffer, long needed) {
        CudaBuffer own = (CudaBuffer) buffer;
        if (needed > own.bytes) {
            throw new IndexOutOfBoundsException(
                    "buffer too small: bytes=" + own.bytes + ", needed=" + needed);
        }
        return own.address().value();
    }

    private DeviceAddress address() {
        DeviceAddress current = address.get();
        if (current == null) {
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
        check(offset, source.remaining());
        device.write(address(), offset, source);
    }

    @Override
    public void read(long offset, ByteBuffer target) {
        check(offset, target.remaining());
        device.read(address(), offset, target);
    }

    private void check(long offset, int length) {
        if (offset < 0 || offset + length > bytes) {
            throw new IndexOutOfBoundsException(
                    "outside the buffer: offset="
                            + offset
                            + ", length="
                            + length
                            + ", bytes="
                            + bytes);
        }
    }

    @Override
    public void close() {
        DeviceAddress owned = address.getAndSet(null);
        if (owned != null) {
            device.free(owned, bytes);
        }
    }
}
