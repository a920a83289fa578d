// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.util.FileUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.Prompt;
import org.millrace.operators.RejectedPrompt;
import org.millrace.schemas.Completion;

/** A model with a broken weight that only some generations come upon. */
class NonFiniteTest {
    private static final int GOOD_TOKENS = 7;

    @Test
    void turnThatMeetsABrokenWeightIsADeadLetterWithItsTextSoFar(@TempDir Path directory)
            throws Exception {
        Prompt turn = Prompts.turn("s", "r", "hello there", 40);
        List<Integer> ids;
        try (GenerationHarness harness = open(TinyModel.directory())) {
            harness.send(turn);
            harness.runAll();
            ids = harness.completions().get(0).getTokenIds();
        }
        // The token after it cannot be computed.
        int broken = ids.get(GOOD_TOKENS - 1);
        int good = ids.indexOf(broken) + 1;
        Path model = directory.resolve("model");
        FileUtils.copy(
                new org.apache.flink.core.fs.Path(TinyModel.directory().toUri()),
                new org.apache.flink.core.fs.Path(model.toUri()),
                false);
        breakEmbedding(model.resolve("model.safetensors"), broken);
        try (GenerationHarness harness = open(model)) {
            harness.send(turn);
            harness.runAll();
            assertThat(harness.completions()).isEmpty();
            assertThat(harness.tokens()).hasSize(good);
            RejectedPrompt letter = harness.deadLetters().get(0);
            assertThat(letter.reason().code()).isEqualTo("non_finite");
            assertThat(letter.detail()).isEqualTo("generatedTokens=" + good);
            assertThat(letter.partialText())
                    .isNotEmpty()
                    .startsWith(
                            harness.tokens().stream()
                                    .map(token -> token.getText())
                                    .reduce("", String::concat));
            // The session goes on as if the turn had not been.
            harness.send(Prompts.turn("s", "r2", "x", 1));
            harness.runAll();
            assertThat(harness.completions())
                    .extracting(Completion::getRequestId)
                    .containsExactly("r2");
        }
    }

    private static GenerationHarness open(Path model) throws Exception {
        Setup options =
                Setup.of(model, TinyModel.OPTIONS)
                        .with(GenerationOptions.MAX_BATCH_TOKENS, 64)
                        .with(GenerationOptions.MAX_SEQUENCES, 16)
                        .with(GenerationOptions.REMEMBERED_REQUESTS, 2)
                        .with(GenerationOptions.SESSION_TTL, Duration.ofMillis(60_000));
        return new GenerationHarness(options, new HashMapStateBackend(), 1, 0).open();
    }

    private static void breakEmbedding(Path safetensors, int token) throws IOException {
        ByteBuffer file =
                ByteBuffer.wrap(Files.readAllBytes(safetensors)).order(ByteOrder.LITTLE_ENDIAN);
        int headerBytes = Math.toIntExact(file.getLong(0));
        JsonNode table =
                new ObjectMapper()
                        .readTree(file.array(), Long.BYTES, headerBytes)
                        .get("model.embed_tokens.weight");
        int rowBytes = Float.BYTES * table.get("shape").get(1).asInt();
        int data = Long.BYTES + headerBytes + table.get("data_offsets").get(0).asInt();
        file.putFloat(data + token * rowBytes, Float.NaN);
        Files.write(safetensors, file.array());
    }
}
