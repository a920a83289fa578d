// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.model.LongContext;

/** What GGUF files say of rotary scaling in more than one way, and contexts that nobody fills. */
class RopeScalingTest {
    /** A factor without a type, and the old key alone, are linear, as in llama.cpp. */
    @ParameterizedTest
    @ValueSource(strings = {"type_and_factor", "factor_only", "scale_linear_only"})
    void aFactorIsLinear(String file) {
        int[] tokens = TinyModels.ints(TinyModels.json("rope/ids.json"));
        float[] expected = TinyModels.npy("rope/ref_linear4.npy");
        try (Model model =
                TinyModels.open("rope/" + file + ".gguf", KvType.F32, ActivationType.F32)) {
            int width = model.spec().vocabSize();
            new Scorer(model)
                    .score(
                            tokens,
                            (position, logits) -> {
                                for (int i = 0; i < width; i++) {
                                    assertThat((double) logits[i])
                                            .as("position %d, logit %d", position, i)
                                            .isCloseTo(
                                                    expected[position * width + i], within(1e-3));
                                }
                            });
        }
    }

    /** An advertised context of millions of positions takes memory when sequences get there. */
    @Test
    void aLongContextIsSmallUntilItIsUsed(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("long.gguf");
        Files.write(file, LongContext.of(TinyModels.path("mha32/q8_0.gguf"), 1 << 22));
        float[] ofLong = lastLogits(file);
        assertThat(ofLong).isEqualTo(lastLogits(TinyModels.path("mha32/q8_0.gguf")));
    }

    private static float[] lastLogits(Path file) {
        ModelOptions options = new ModelOptions(KvType.F32, ActivationType.F32, "reference", 1);
        try (Model model = Model.open(file, options)) {
            float[][] last = new float[1][];
            int[] tokens = {5, 6, 7};
            new Scorer(model).score(tokens, (position, logits) -> last[0] = logits.clone());
            return last[0];
        }
    }
}
