// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FloatMathTest {
    @Test
    void expIsWithinOneUlp() {
        for (float x = -87f; x <= 88f; x += 0.00371f) {
            double exact = StrictMath.exp(x);
            double ulp = Math.ulp((float) exact);
            assertThat(Math.abs(FloatMath.exp(x) - exact) / ulp).as("x=" + x).isLessThan(1.0);
        }
    }

    @Test
    void expIsExactAtZeroAndClamped() {
        assertThat(FloatMath.exp(0f)).isEqualTo(1f);
        assertThat(FloatMath.exp(-0f)).isEqualTo(1f);
        assertThat(FloatMath.exp(-1000f)).isEqualTo(FloatMath.exp(-87f)).isPositive();
        assertThat(FloatMath.exp(1000f)).isEqualTo(FloatMath.exp(88f)).isFinite();
    }

    @Test
    void siluOfLargeValuesIsTheIdentityOrAlmostZero() {
        assertThat(FloatMath.silu(40f)).isEqualTo(40f);
        assertThat(FloatMath.silu(0f)).isEqualTo(0f);
        assertThat(Math.abs(FloatMath.silu(-80f))).isLessThan(1e-30f);
    }
}
