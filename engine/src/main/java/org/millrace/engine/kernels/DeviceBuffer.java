// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import java.nio.ByteBuffer;

/**
 * Memory of a kernel provider: zeroed when allocated, unless asked for otherwise, 64-byte aligned,
 * little-endian. Freed once by {@link #close}, by its owner; the garbage collector does not see it.
 */
public interface DeviceBuffer extends AutoCloseable {
    long bytes();

    /** Copies all remaining bytes of {@code source} to {@code offset}. */
    void write(long offset, ByteBuffer source);

    /** Fills all remaining bytes of {@code target} from {@code offset}. */
    void read(long offset, ByteBuffer target);

    @Override
    void close();
}
