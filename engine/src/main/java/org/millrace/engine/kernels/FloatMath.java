// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

/**
 * Scalar functions of the numerics contract ({@code docs/numerics.md}), each a fixed chain of
 * binary32 roundings.
 */
public final class FloatMath {
    private static final float LOG2_E = 0x1.715476p0f;
    private static final float LN2_HIGH = 0x1.62e4p-1f;
    private static final float LN2_LOW = 0x1.7f7d1cp-20f;

    /** Adding and subtracting 1.5 * 2^23 rounds to an integer, half to even. */
    private static final float ROUND = 12582912f;

    private static final float GELU_CUBE = 0.044715f;

    /** sqrt(2 / pi). */
    private static final float GELU_SCALE = 0x1.988454p-1f;

    private FloatMath() {}

    /** e^x, at most 0.91 ulp off; x is clamped to [-87, 88]. */
    public static float exp(float x) {
        float clamped = Math.min(Math.max(x, -87f), 88f);
        float n = Math.fma(clamped, LOG2_E, ROUND) - ROUND;
        float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, clamped));
        float p = (float) (1.0 / 5040);
        p = Math.fma(p, r, (float) (1.0 / 720));
        p = Math.fma(p, r, (float) (1.0 / 120));
        p = Math.fma(p, r, (float) (1.0 / 24));
        p = Math.fma(p, r, (float) (1.0 / 6));
        p = Math.fma(p, r, 0.5f);
        p = Math.fma(p, r, 1f);
        p = Math.fma(p, r, 1f);
        return Float.intBitsToFloat(Float.floatToRawIntBits(p) + ((int) n << 23));
    }

    /** 1 - 2 / (1 + e^2x). */
    public static float tanh(float x) {
        return 1f - 2f / (1f + exp(2f * x));
    }

    /** cap * tanh(x / cap). */
    public static float softCap(float x, float cap) {
        return cap * tanh(x / cap);
    }

    /** x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))). */
    public static float geluTanh(float x) {
        float inner = Math.fma(x * x * GELU_CUBE, x, x);
        return 0.5f * x * (1f + tanh(GELU_SCALE * inner));
    }

    /** x / (1 + e^-x). */
    public static float silu(float x) {
        return x / (1f + exp(-x));
    }
}
