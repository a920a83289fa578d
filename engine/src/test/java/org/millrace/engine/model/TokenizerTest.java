// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.TinyModels;

/**
 * The default model's tokenizer, built from GGUF metadata, against llama.cpp's tokens; and tiny
 * ones.
 */
class TokenizerTest {
    private final Tokenizer tokenizer = GoldenVocabulary.TOKENIZER;

    static Stream<Arguments> golden() {
        return StreamSupport.stream(GoldenVocabulary.json("tokenizer.json").spliterator(), false)
                .map(
                        row ->
                                Arguments.of(
                                        row.get("text").textValue(),
                                        row.get("control_tokens").booleanValue(),
                                        TinyModels.ints(row.get("tokens"))));
    }

    @ParameterizedTest
    @MethodSource("golden")
    void tokensEqualTheGoldenOnes(String text, boolean controlTokens, int[] tokens) {
        assertThat(tokenizer.encode(text, controlTokens)).isEqualTo(tokens);
        if (!controlTokens) {
            assertThat(decode(tokens)).isEqualTo(text);
        }
    }

    @Test
    void textsEqualTheGoldenOnes() {
        for (JsonNode score : GoldenVocabulary.json("score.json")) {
            String text = GoldenVocabulary.text(score.get("name").textValue());
            assertThat(tokenizer.encode(text, false))
                    .isEqualTo(TinyModels.ints(score.get("token_ids")));
        }
    }

    @Test
    void knowsItsSpecialTokens() {
        assertThat(tokenizer.vocabSize()).isEqualTo(49_152);
        assertThat(tokenizer.beginOfSequence()).isEqualTo(-1);
        assertThat(tokenizer.endOfSequence()).contains(2);
        assertThat(tokenizer.controlTokens())
                .isEqualTo(IntStream.rangeClosed(0, 16).boxed().toList());
        assertThat(tokenizer.piece(2)).isEqualTo("<|im_end|>");
        assertThat(tokenizer.bytes(2)).isEmpty();
    }

    @Test
    void loneSurrogatesBecomeReplacementCharacters() {
        assertThat(tokenizer.encode("a\uD83Db\uDE00", false))
                .isEqualTo(tokenizer.encode("a\uFFFDb\uFFFD", false));
        assertThat(decode(tokenizer.encode("\uD83D\uDE00", false))).isEqualTo("\uD83D\uDE00");
    }

    @Test
    void zeroBytesAndLineSeparatorsSurvive() {
        String text = "a\u0000b\u2028c\uFEFFd";
        assertThat(decode(tokenizer.encode(text, false))).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", " ", "word ", "\uD83D\uDE00", "<|im_end|>"})
    void longTextIsNeitherCutNorSlow(String unit) {
        String text = unit.repeat(200_000 / unit.length());
        assertThat(decode(tokenizer.encode(text, false))).isEqualTo(text);
    }

    @Test
    void streamCutsOnlyBetweenCharacters() {
        String text = "na\u00EFve \uD83D\uDE00\uD83C\uDDEB\uD83C\uDDF7 \u4F60\u597D";
        StreamDecoder decoder = tokenizer.newStreamDecoder();
        List<String> parts = new ArrayList<>();
        for (int token : tokenizer.encode(text, false)) {
            parts.add(decoder.append(token));
        }
        parts.add(decoder.flush());
        assertThat(String.join("", parts)).isEqualTo(text);
        assertThat(parts).noneMatch(part -> part.contains("\uFFFD"));
    }

    @Test
    void sameTokensFromTokenizerJsonAndFromGguf() {
        try (ModelFiles directory = ModelLoader.open(TinyModels.path("mha32/hf"));
                ModelFiles gguf = ModelLoader.open(TinyModels.path("mha32/f32.gguf"))) {
            for (String text :
                    List.of("the in 12 <|im_end|> \uD83D\uDE00", "", "  ", "he the at")) {
                for (boolean control : new boolean[] {true, false}) {
                    assertThat(directory.tokenizer().encode(text, control))
                            .isEqualTo(gguf.tokenizer().encode(text, control));
                }
            }
            assertThat(directory.tokenizer().controlTokens()).containsExactly(0, 1, 2);
            assertThat(directory.tokenizer().endOfSequence()).containsExactly(2);
        }
    }

    private String decode(int[] tokens) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int token : tokens) {
            bytes.writeBytes(tokenizer.bytes(token));
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
