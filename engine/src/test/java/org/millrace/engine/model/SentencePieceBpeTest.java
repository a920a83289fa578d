// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A SentencePiece vocabulary small enough to tokenise by hand. */
class SentencePieceBpeTest {
    private static final int FIRST_PIECE = 3 + 256;

    /** Better scores first: "he" before "el", so that "hello" is he + l + l + o. */
    private static final List<String> PIECES =
            List.of("\u2581", "h", "e", "l", "o", "he", "el", "\u2581he");

    @Test
    void mergesFollowScoresAndTheRestFallsBackToBytes() {
        try (Tokenizer tokenizer = open("llama", "default")) {
            assertThat(tokenizer.encode("hello", false))
                    .containsExactly(id("\u2581he"), id("l"), id("l"), id("o"));
            assertThat(tokenizer.encode("o\n", false))
                    .containsExactly(id("\u2581"), id("o"), 3 + '\n');
            assertThat(tokenizer.bytes(3 + '\n')).containsExactly('\n');
            assertThat(tokenizer.bytes(id("\u2581he"))).containsExactly(' ', 'h', 'e');
            assertThat(tokenizer.beginOfSequence()).isEqualTo(1);
            assertThat(tokenizer.endOfSequence()).containsExactly(2);
        }
    }

    @Test
    void controlTokensAreTextUnlessAskedFor() {
        try (Tokenizer tokenizer = open("llama", "default")) {
            assertThat(tokenizer.encode("</s>", true)).containsExactly(2);
            assertThat(tokenizer.encode("</s>", false)).doesNotContain(2);
        }
    }

    @Test
    void otherModelsAreRefusedByName() {
        assertThatThrownBy(() -> open("bert", "default"))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("tokenizer model=bert");
    }

    private static int id(String piece) {
        return FIRST_PIECE + PIECES.indexOf(piece);
    }

    private static Tokenizer open(String model, String pre) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        List<Integer> types = new ArrayList<>(List.of(2, 3, 3));
        for (int b = 0; b < 256; b++) {
            tokens.add("<0x%02X>".formatted(b));
            types.add(6);
        }
        for (String piece : PIECES) {
            tokens.add(piece);
            types.add(1);
        }
        ByteBuffer scores = buffer(4 * tokens.size());
        ByteBuffer typeNumbers = buffer(4 * tokens.size());
        for (int id = 0; id < tokens.size(); id++) {
            scores.putFloat(4 * id, -id);
            typeNumbers.putInt(4 * id, types.get(id));
        }
        Map<String, Object> values = new HashMap<>();
        values.put("tokenizer.ggml.model", model);
        values.put("tokenizer.ggml.pre", pre);
        values.put("tokenizer.ggml.tokens", strings(tokens));
        values.put(
                "tokenizer.ggml.scores",
                new GgufArray("scores", GgufValueType.FLOAT32, tokens.size(), scores));
        values.put(
                "tokenizer.ggml.token_type",
                new GgufArray("types", GgufValueType.INT32, tokens.size(), typeNumbers));
        values.put("tokenizer.ggml.bos_token_id", 1L);
        values.put("tokenizer.ggml.eos_token_id", 2L);
        GgufMetadata metadata = new GgufMetadata("test", values);
        return BpeTokenizer.open(
                "test", GgufTokenizer.read(metadata, tokens.size()), tokens.size());
    }

    private static GgufArray strings(List<String> strings) {
        List<byte[]> utf8 =
                strings.stream().map(text -> text.getBytes(StandardCharsets.UTF_8)).toList();
        ByteBuffer data = buffer(utf8.stream().mapToInt(text -> 8 + text.length).sum());
        utf8.forEach(text -> data.putLong(text.length).put(text));
        return new GgufArray("tokens", GgufValueType.STRING, strings.size(), data.flip());
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
