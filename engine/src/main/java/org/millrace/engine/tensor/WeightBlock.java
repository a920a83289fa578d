// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.tensor;

/**
 * 32 consecutive weights of a row in the common form of all block types: {@code w = scale *
 * halfScale * (code - zero) + min}. Mutable, so that a decoder can fill one instance again and
 * again.
 */
public final class WeightBlock {
    /** Weights per block. */
    public static final int SIZE = 32;

    /** Unsigned codes, one byte each. */
    public final byte[] codes = new byte[SIZE];

    /** Subtracted from every code; 128 for Q8_0. */
    public int zero;

    /** Scale of the block, exact in binary32. */
    public float scale;

    /** Added to every weight; meaningful only if {@link #hasMin}. */
    public float min;

    public boolean hasMin;

    /** Integer factors of the two halves of 16 weights: 1 but for Q6_K. */
    public int halfScale0 = 1;

    public int halfScale1 = 1;
}
