// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PhiloxTest {
    /** Known answers of the Random123 distribution. */
    @Test
    void matchesKnownAnswers() {
        assertThat(Philox.block(0, 0))
                .containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    }

    @Test
    void isAFunctionOfKeyAndCounter() {
        assertThat(Philox.bits63(7, 3)).isEqualTo(Philox.bits63(7, 3)).isNotNegative();
        assertThat(Philox.bits63(7, 3)).isNotEqualTo(Philox.bits63(7, 4));
        assertThat(Philox.bits63(7, 3)).isNotEqualTo(Philox.bits63(8, 3));
    }
}
