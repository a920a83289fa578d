// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.Model;
import org.millrace.engine.TinyModels;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.TokenClasses;

/** Special and punctuation tokens against lists made with other tokenizers. */
class TokenClassesTest {
    private static TokenClasses classes(Tokenizer tokenizer) {
        return TokenClasses.of(tokenizer.vocabSize(), tokenizer.addedTokens(), tokenizer::bytes);
    }

    private static void assertClasses(Tokenizer tokenizer, JsonNode golden) {
        TokenClasses classes = classes(tokenizer);
        assertThat(tokens(tokenizer, classes::isSpecial)).isEqualTo(list(golden.get("special")));
        assertThat(tokens(tokenizer, classes::isPunctuation))
                .isEqualTo(list(golden.get("punctuation")));
    }

    private static List<Integer> tokens(Tokenizer tokenizer, IntPredicate is) {
        return IntStream.range(0, tokenizer.vocabSize()).filter(is).boxed().toList();
    }

    private static List<Integer> list(JsonNode ids) {
        return IntStream.of(TinyModels.ints(ids)).boxed().toList();
    }

    @Test
    void ofTheDefaultModel() {
        assertClasses(GoldenVocabulary.TOKENIZER, GoldenVocabulary.json("token-classes.json"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gqa3/q8_0.gguf",
                "mha32/hf",
                "mqa80/f32.gguf",
                "rope3/hf",
                "k256/q4_0.gguf"
            })
    void ofTheTinyModels(String file) {
        String name = file.substring(0, file.indexOf('/'));
        try (Model model = TinyModels.open(file, KvType.F32, ActivationType.F32)) {
            assertClasses(model.tokenizer(), TinyModels.json(name + "/fastgen.json"));
        }
    }
}
