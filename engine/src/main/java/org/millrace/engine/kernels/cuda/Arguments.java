// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import org.millrace.engine.kernels.Activations;
import org.millrace.engine.kernels.DeviceBuffer;

/**
 * The structure that a kernel takes, filled field by field in the order of its declaration; every
 * field lies at a multiple of its size.
 */
final class Arguments {
    private static final int BYTES = 256;

    private final ByteBuffer bytes =
            ByteBuffer.allocateDirect(BYTES).order(ByteOrder.LITTLE_ENDIAN);

    /** A buffer that must hold {@code needed} bytes. */
    Arguments buffer(DeviceBuffer buffer, long needed) {
        return address(CudaBuffer.address(buffer, needed));
    }

    /** A pointer; null pointers are 0. */
    Arguments address(long address) {
        bytes.position((bytes.position() + Long.BYTES - 1) / Long.BYTES * Long.BYTES);
        bytes.putLong(address);
        return this;
    }

    /** The structure Codes for the first {@code rows} rows; null for none. */
    Arguments codes(Activations out, int rows) {
        if (out == null) {
            return address(0).address(0).address(0);
        }
        long blocks = (long) rows * (out.width() / Activations.BLOCK);
        return buffer(out.codes(), Activations.BLOCK * blocks)
                .buffer(out.scales(), Float.BYTES * blocks)
                .buffer(out.sums(), Integer.BYTES * blocks);
    }

    Arguments integer(int value) {
        bytes.putInt(value);
        return this;
    }

    Arguments real(float value) {
        bytes.putFloat(value);
        return this;
    }

    Pointer pointer() {
        return Pointer.to(bytes);
    }
}
