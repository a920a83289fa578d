// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model.spec;

/**
 * Attention of one layer.
 *
 * @param scale factor of each dot product of a query and a key
 * @param window positions that a row sees, its own included; {@link #NO_WINDOW} for all
 * @param softCap scores become {@code softCap * tanh(score / softCap)}; 0 for as they are
 * @param headNorm of queries and keys
 * @param rotary positions of queries and keys
 */
public record AttentionSpec(
        float scale, int window, float softCap, HeadNorm headNorm, RotarySpec rotary) {
    /** {@link #window} of layers that see all positions. */
    public static final int NO_WINDOW = Integer.MAX_VALUE;

    public AttentionSpec withScale(float scale) {
        return new AttentionSpec(scale, window, softCap, headNorm, rotary);
    }

    public AttentionSpec withWindow(int window) {
        return new AttentionSpec(scale, window, softCap, headNorm, rotary);
    }

    public AttentionSpec withSoftCap(float softCap) {
        return new AttentionSpec(scale, window, softCap, headNorm, rotary);
    }

    public AttentionSpec withHeadNorm(HeadNorm headNorm) {
        return new AttentionSpec(scale, window, softCap, headNorm, rotary);
    }

    public AttentionSpec withRotary(RotarySpec rotary) {
        return new AttentionSpec(scale, window, softCap, headNorm, rotary);
    }
}
