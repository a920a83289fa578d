// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class Float16Test {
    @Test
    void everyValueSurvivesTheRoundTrip() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = Float16.toFloat((short) bits);
            if (Float.isNaN(value)) {
                assertThat(Float.isNaN(Float16.toFloat(Float16.fromFloat(value)))).isTrue();
            } else {
                assertThat(Float16.fromFloat(value)).isEqualTo((short) bits);
            }
        }
    }

    @Test
    void valuesAreThoseOfTheFormat() {
        assertThat(Float16.toFloat((short) 0x3C00)).isEqualTo(1f);
        assertThat(Float16.toFloat((short) 0xC000)).isEqualTo(-2f);
        assertThat(Float16.toFloat((short) 0x7BFF)).isEqualTo(65504f);
        assertThat(Float16.toFloat((short) 0x0001)).isEqualTo(0x1p-24f);
        assertThat(Float16.toFloat((short) 0x03FF)).isEqualTo(0x1.FF8p-15f);
        assertThat(Float16.toFloat((short) 0xFC00)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(Float.floatToRawIntBits(Float16.toFloat((short) 0x8000))).isEqualTo(0x80000000);
    }

    @Test
    void roundsToTheNearestValueAndTiesToEven() {
        Random random = new Random(1);
        for (int i = 0; i < 200_000; i++) {
            int low = random.nextInt(0x7BFF);
            float a = Float16.toFloat((short) low);
            float b = Float16.toFloat((short) (low + 1));
            float middle = (a + b) / 2;
            int even = (low & 1) == 0 ? low : low + 1;
            assertThat(Float16.fromFloat(middle)).isEqualTo((short) even);
            assertThat(Float16.fromFloat(Math.nextDown(middle))).isEqualTo((short) low);
            assertThat(Float16.fromFloat(-Math.nextUp(middle)))
                    .isEqualTo((short) (low + 1 | 0x8000));
        }
    }

    @Test
    void overflowsFromHalfwayAboveTheLargestValue() {
        assertThat(Float16.fromFloat(Math.nextDown(65520f))).isEqualTo((short) 0x7BFF);
        assertThat(Float16.fromFloat(65520f)).isEqualTo((short) 0x7C00);
        assertThat(Float16.fromFloat(0x1p-25f)).isZero();
    }
}
