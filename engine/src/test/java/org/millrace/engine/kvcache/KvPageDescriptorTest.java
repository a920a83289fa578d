// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvPageDescriptorTest {
    @ParameterizedTest
    @CsvSource({"F32,64", "F16,64", "INT8,64", "F16,80", "INT8,80", "INT8,6", "F16,7", "F32,1"})
    void everyFieldHasBytesOfItsOwn(KvType type, int headDim) {
        KvPageDescriptor page = new KvPageDescriptor(type, headDim);
        BitSet taken = new BitSet(page.pageBytes());
        for (int slot = 0; slot < KvPageDescriptor.PAGE_SLOTS; slot++) {
            take(taken, page.positionOffset(slot), Integer.BYTES);
            if (type == KvType.INT8) {
                take(taken, page.keyScaleOffset(slot), Float.BYTES);
                take(taken, page.valueScaleOffset(slot), Float.BYTES);
            }
            for (int d = 0; d < headDim; d++) {
                take(taken, page.keyOffset(slot, d), page.elementBytes());
                take(taken, page.valueOffset(slot, d), page.elementBytes());
            }
        }
        assertThat(taken.length()).isLessThanOrEqualTo(page.pageBytes());
        assertThat(page.pageBytes() % 64).isZero();
    }

    private static void take(BitSet taken, int offset, int bytes) {
        assertThat(taken.nextSetBit(offset) >= 0 && taken.nextSetBit(offset) < offset + bytes)
                .as("offset=" + offset + " taken twice")
                .isFalse();
        taken.set(offset, offset + bytes);
    }

    /** Stored pages of version 1 depend on these offsets. */
    @ParameterizedTest
    @CsvSource({"F32,16512", "F16,8320", "INT8,4480"})
    void sizesOfVersionOne(KvType type, int pageBytes) {
        assertThat(KvPageDescriptor.VERSION).isEqualTo(1);
        assertThat(new KvPageDescriptor(type, 64).pageBytes()).isEqualTo(pageBytes);
    }
}
