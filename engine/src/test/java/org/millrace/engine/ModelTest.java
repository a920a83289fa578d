// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNoException;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;

class ModelTest {
    @Test
    void typesOfCachesShareTheWeights() {
        Model int8 = TinyModels.open("gqa3/q8_0.gguf", KvType.INT8, ActivationType.INT8);
        try (Model f16 = TinyModels.open("gqa3/q8_0.gguf", KvType.F16, ActivationType.INT8);
                Model floats = TinyModels.open("gqa3/q8_0.gguf", KvType.F16, ActivationType.F32)) {
            assertThat(f16.kernels()).isSameAs(int8.kernels()).isNotSameAs(floats.kernels());
            assertThat(f16.fingerprint()).isEqualTo(int8.fingerprint());
            assertThat(f16.cacheLayout().fingerprint())
                    .isNotEqualTo(int8.cacheLayout().fingerprint());
            assertThat(f16.cacheLayout().page().pageBytes())
                    .isGreaterThan(int8.cacheLayout().page().pageBytes());
            int8.close();
            int[] positions = {0};
            new Scorer(f16).score(new int[] {1, 2, 3}, (position, logits) -> positions[0]++);
            assertThat(positions[0]).isEqualTo(3);
        }
    }

    /** A task that is cancelled while it opens the model leaves the next attempt a good one. */
    @Test
    void interruptedOpeningDoesNotSpoilTheNext() throws Exception {
        for (int delayMicros = 0; delayMicros < 30_000; delayMicros += 1_000) {
            Thread opening = new Thread(ModelTest::openAndClose);
            opening.setUncaughtExceptionHandler((thread, e) -> {});
            opening.start();
            TimeUnit.MICROSECONDS.sleep(delayMicros);
            opening.interrupt();
            opening.join();
            assertThatNoException().as("%d us", delayMicros).isThrownBy(ModelTest::openAndClose);
        }
    }

    private static void openAndClose() {
        TinyModels.open("k256/q4_0.gguf", KvType.INT8, ActivationType.INT8).close();
    }
}
