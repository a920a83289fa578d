// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import org.millrace.engine.kernels.DeviceBuffer;

/**
 * Heap memory with typed views. Freed by the garbage collector; {@link #close} only drops the
 * claim.
 */
final class HostBuffer implements DeviceBuffer {
    private final ByteBuffer bytes;
    private final FloatBuffer floats;
    private final IntBuffer ints;

    HostBuffer(long size) {
        if (size > Integer.MAX_VALUE - 64) {
            throw new OutOfMemoryError(
                    "the reference kernels hold at most 2 GiB in one buffer: bytes=" + size);
        }
        bytes = ByteBuffer.allocate((int) size).order(ByteOrder.LITTLE_ENDIAN);
        floats = bytes.asFloatBuffer();
        ints = bytes.asIntBuffer();
    }

    static HostBuffer of(DeviceBuffer buffer) {
        return (HostBuffer) buffer;
    }

    ByteBuffer raw() {
        return bytes;
    }

    IntBuffer ints() {
        return ints;
    }

    float getFloat(int index) {
        return floats.get(index);
    }

    void putFloat(int index, float value) {
        floats.put(index, value);
    }

    /** A copy of {@code length} floats from element {@code index}. */
    float[] floats(int index, int length) {
        float[] copy = new float[length];
        floats.get(index, copy);
        return copy;
    }

    void putFloats(int index, float[] values) {
        floats.put(index, values);
    }

    int getInt(int index) {
        return ints.get(index);
    }

    void putInt(int index, int value) {
        ints.put(index, value);
    }

    @Override
    public long bytes() {
        return bytes.capacity();
    }

    @Override
    public void write(long offset, ByteBuffer source) {
        bytes.duplicate().position(Math.toIntExact(offset)).put(source);
    }

    @Override
    public void read(long offset, ByteBuffer target) {
        int from = Math.toIntExact(offset);
        target.put(bytes.duplicate().position(from).limit(from + target.remaining()));
    }

    @Override
    public void close() {}
}
