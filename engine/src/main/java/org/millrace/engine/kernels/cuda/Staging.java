// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import static org.millrace.engine.kernels.cuda.CudaDriver.check;

import java.nio.ByteBuffer;
import jcuda.Pointer;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * Pinned host memory that copies go through. Writes take one part after another and wait for the
 * device only when the memory is used up. Not thread safe; used under the lock of {@link
 * CudaDevice}.
 */
final class Staging implements AutoCloseable {
    private static final int BYTES = 4 << 20;

    private final CUstream stream;
    private final Runnable waiting;
    private final Pointer memory = new Pointer();
    private final ByteBuffer bytes;
    private int used;

    /**
     * @param waiting waits for all that is queued on the stream
     */
    Staging(CUstream stream, Runnable waiting) {
        this.stream = stream;
        this.waiting = waiting;
        check(JCudaDriver.cuMemHostAlloc(memory, BYTES, 0), "pin " + BYTES + " bytes");
        bytes = memory.getByteBuffer(0, BYTES);
    }

    void write(DeviceAddress target, long offset, ByteBuffer source) {
        while (source.hasRemaining()) {
            if (used == BYTES) {
                synchronize();
            }
            int length = Math.min(source.remaining(), BYTES - used);
            bytes.put(used, source, source.position(), length);
            check(
                    JCudaDriver.cuMemcpyHtoDAsync(
                            target.withByteOffset(offset),
                            memory.withByteOffset(used),
                            length,
                            stream),
                    "copy " + length + " bytes to the device");
            source.position(source.position() + length);
            offset += length;
            used += length;
        }
    }

    void read(DeviceAddress source, long offset, ByteBuffer target) {
        free();
        while (target.hasRemaining()) {
            int length = Math.min(target.remaining(), BYTES);
            queueRead(source, offset, length);
            synchronize();
            target.put(bytes.slice(0, length));
            offset += length;
        }
    }

    private void queueRead(DeviceAddress source, long offset, int length) {
        check(
                JCudaDriver.cuMemcpyDtoHAsync(
                        memory, source.withByteOffset(offset), length, stream),
                "copy " + length + " bytes from the device");
    }

    /** Waits for writes that still take from the memory. */
    private void free() {
        if (used > 0) {
            synchronize();
        }
    }

    private void synchronize() {
        waiting.run();
        used = 0;
    }

    @Override
    public void close() {
        JCudaDriver.cuMemFreeHost(memory);
    }
}
