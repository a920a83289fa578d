// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.spec;

/**
 * Attention heads, the same in all layers.
 *
 * @param numHeads query heads
 * @param numKvHeads key-value heads; {@code numHeads / numKvHeads} query heads share one
 * @param headDim elements of a head
 */
public record HeadShape(int numHeads, int numKvHeads, int headDim) {
    /** Elements of all query heads. */
    public int queryWidth() {
        return numHeads * headDim;
    }

    /** Elements of all key heads. */
    public int keyWidth() {
        return numKvHeads * headDim;
    }
}
