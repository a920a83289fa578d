// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cpu;

import java.nio.ByteBuffer;

/**
 * Declarations of {@code src/main/native/jni.cpp}. Addresses are raw; whoever calls has checked
 * sizes. Operations as in {@link org.millrace.engine.kernels.KernelProvider}.
 */
final class CpuNative {
    private CpuNative() {}

    /** 2 for AVX-512 with VNNI, 1 for AVX2 with FMA and F16C, 0 for less. */
    static native int supportedLevel();

    /** Chooses the instruction set and sizes the compute pool of the process. */
    static native void start(int level, int threads);

    /** Zeroed memory, aligned to 64 bytes; 0 if there is none. */
    static native long allocate(long bytes);

    static native void free(long address, long bytes);

    /** Gives up what the memory holds: the system may take it back until it is written again. */
    static native void discard(long address, long bytes);

    static native void write(long address, ByteBuffer direct, int from, int length);

    static native void read(long address, ByteBuffer direct, int from, int length);

    static native void writeArray(long address, byte[] source, int from, int length);

    static native void readArray(long address, byte[] target, int from, int length);

    /**
     * A matrix header over tiles at {@code data}; see {@link TileLayout}. 0 if there is no memory.
     */
    static native long newMatrix(
            long data,
            long blockBytes,
            long tileBytes,
            int rows,
            int columns,
            int type,
            int flags,
            boolean usesCodes);

    static native void freeMatrix(long matrix);

    /** Throws IndexOutOfBoundsException for a token outside the table. */
    static native void embed(long table, long tokens, int rows, long out);

    static native void rmsNorm(long x, long weight, float eps, int rows, int width, long out);

    static native void quantize(long x, int rows, int width, long codes, long scales, long sums);

    static native void matmul(
            long values,
            long codes,
            long scales,
            long sums,
            int rows,
            int count,
            long matrix0,
            long out0,
            long matrix1,
            long out1,
            long matrix2,
            long out2,
            long matrix3,
            long out3);

    static native void rotate(
            long rows, int count, long table, int dimensions, int headDim, int heads, long x);

    static native void ropeAndStore(
            long[] cache, long queryTable, long keyTable, int dimensions, long q, long k, long v);

    /**
     * Throws IndexOutOfBoundsException for statistics outside {@code statistics}.
     *
     * @param profile 0 if there is none
     * @param longs of {@code statistics}
     */
    static native void attention(
            long[] cache,
            int layer,
            float scale,
            int window,
            float softCap,
            long sinks,
            long profile,
            long statistics,
            long longs,
            long q,
            long out);

    static native void moveSlots(long[] page, long pool, long scores, long moves, int count);

    static native void packSlots(
            long[] page, long pool, long slots, int count, long out, int slotBytes);

    static native void unpackSlots(
            long[] page, long packed, int slotBytes, long slots, int count, long pool);

    /**
     * @param function ordinal of the gate function
     */
    static native void gatedProduct(int function, long gate, long up, int count, long out);

    static native void add(long x, long y, int count);

    static native void addBias(long x, long bias, int rows, int width);

    static native void scale(long x, float factor, int count);

    static native void softCap(long x, float cap, int count);

    /** Throws IndexOutOfBoundsException for an index outside [0, rows). */
    static native void gatherRows(long x, int rows, long indices, int count, int width, long out);

    static native void argmax(long x, int rows, int width, long out);
}
