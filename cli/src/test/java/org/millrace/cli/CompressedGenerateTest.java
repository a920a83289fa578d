// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code generate --policy fastgen-paper --show-kept} beside a float64 run by the book on random
 * weights.
 */
class CompressedGenerateTest {
    private static final String GOLDEN = "/golden/tiny/mha32/";
    private static final List<String> RUNGS =
            List.of(
                    "special",
                    "special+punctuation",
                    "special+punctuation+frequent",
                    "special+punctuation+frequent+local",
                    "full");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir private Path directory;

    @Test
    void keepsWhatTheBookKeeps() throws Exception {
        JsonNode cases = MAPPER.readTree(file("fastgen.json").toFile()).get("cases");
        assertThat(cases).hasSizeGreaterThanOrEqualTo(8);
        for (JsonNode golden : cases) {
            String what = golden.get("name").asText();
            JsonNode document = generate(golden);
            JsonNode heads = document.get("cache").get("heads");
            assertThat(byLayer(heads, "kept_after_prompt"))
                    .as(what)
                    .isEqualTo(golden.get("kept_after_prompt"));
            assertThat(byLayer(heads, "kept_positions"))
                    .as(what)
                    .isEqualTo(golden.get("kept_at_end"));
            assertThat(document.get("tokens")).as(what).isEqualTo(golden.get("greedy_tokens"));
            if (!golden.has("force_rung")) {
                assertThat(byLayer(heads, "rung")).as(what).isEqualTo(golden.get("rungs"));
            }
            for (JsonNode head : heads) {
                assertThat(head.get("kept_positions")).hasSize(head.get("kept").intValue());
            }
        }
    }

    private JsonNode generate(JsonNode golden) throws IOException, URISyntaxException {
        Path ids = directory.resolve("ids.json");
        Files.writeString(ids, golden.get("tokens").toString());
        List<String> arguments =
                new ArrayList<>(
                        List.of(
                                "generate",
                                "--model",
                                file("f32.gguf").toString(),
                                "--token-ids",
                                ids.toString(),
                                "--max-tokens",
                                golden.get("new").asText(),
                                "--ignore-eos",
                                "--json",
                                "--show-kept"));
        arguments.addAll(List.of("--kv-type", "f32", "--activations", "f32"));
        arguments.addAll(List.of("--policy", "fastgen-paper"));
        arguments.addAll(List.of("--recovery", golden.get("T").asText()));
        arguments.addAll(List.of("--local-ratio", golden.get("r_l").asText()));
        arguments.addAll(List.of("--frequent-ratio", golden.get("r_f").asText()));
        if (golden.has("force_rung")) {
            arguments.addAll(List.of("--ladder", RUNGS.get(golden.get("force_rung").intValue())));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int exitCode =
                Millrace.execute(
                        new PrintStream(out, true, StandardCharsets.UTF_8),
                        arguments.toArray(String[]::new));
        assertThat(exitCode).isZero();
        return MAPPER.readTree(out.toByteArray());
    }

    /** A field of all heads as the reference has it: a list of heads for each layer. */
    private static JsonNode byLayer(JsonNode heads, String field) {
        List<List<JsonNode>> layers = new ArrayList<>();
        for (JsonNode head : heads) {
            if (head.get("kv_head").intValue() == 0) {
                layers.add(new ArrayList<>());
            }
            layers.get(head.get("layer").intValue()).add(head.get(field));
        }
        return MAPPER.valueToTree(layers);
    }

    private static Path file(String name) throws URISyntaxException {
        return Path.of(CompressedGenerateTest.class.getResource(GOLDEN + name).toURI());
    }
}
