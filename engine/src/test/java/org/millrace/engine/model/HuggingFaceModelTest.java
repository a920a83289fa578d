// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.TinyModels;

/**
 * Directories in Hugging Face's layout: the same model as its GGUF file, shards, and every way to
 * be unusable.
 */
class HuggingFaceModelTest {
    private static final String WEIGHTS = "model.safetensors";

    @TempDir private Path directory;

    @BeforeEach
    void copyModel() throws IOException {
        try (Stream<Path> files = Files.list(TinyModels.path("mha32/hf"))) {
            for (Path file : files.toList()) {
                Files.copy(file, directory.resolve(file.getFileName()));
            }
        }
    }

    @Test
    void weightsAndHyperparametersEqualThoseOfTheGgufFile() {
        try (ModelFiles hf = ModelLoader.open(directory);
                ModelFiles gguf = ModelLoader.open(TinyModels.path("mha32/f32.gguf"))) {
            assertThat(hf.spec())
                    .usingRecursiveComparison()
                    .ignoringFields("name")
                    .isEqualTo(gguf.spec());
            for (String name : ModelTensors.required(hf.spec()).keySet()) {
                assertThat(hf.tensor(name).data()).as(name).isEqualTo(gguf.tensor(name).data());
            }
            assertThat(hf.tensor("output.weight").data())
                    .isEqualTo(gguf.tensor("output.weight").data());
        }
    }

    @Test
    void ropeScalingEqualsTheFactorsOfTheGgufFile() {
        try (ModelFiles hf = ModelLoader.open(TinyModels.path("rope3/hf"));
                ModelFiles gguf = ModelLoader.open(TinyModels.path("rope3/q8_0.gguf"))) {
            List<Double> divisors = divisors(hf);
            assertThat(divisors).hasSize(64);
            assertThat(divisors.get(0)).isEqualTo(1);
            assertThat(divisors.get(63)).isEqualTo(8);
            for (int i = 0; i < divisors.size(); i++) {
                assertThat(divisors(gguf).get(i)).isCloseTo(divisors.get(i), within(2e-6));
            }
        }
    }

    private static List<Double> divisors(ModelFiles files) {
        return files.spec().layers().get(0).attention().rotary().divisors();
    }

    @Test
    void shardsAreOneModel() throws IOException {
        String expected = fingerprint();
        Files.move(directory.resolve(WEIGHTS), directory.resolve("part-1.safetensors"));
        writeIndex("part-1.safetensors");
        assertThat(fingerprint()).isEqualTo(expected);
    }

    @Test
    void fingerprintFollowsWeightsAndTokenizer() throws IOException {
        String before = fingerprint();
        byte[] weights = Files.readAllBytes(directory.resolve(WEIGHTS));
        weights[weights.length - 1] ^= 1;
        Files.write(directory.resolve(WEIGHTS), weights);
        String changed = fingerprint();
        assertThat(changed).hasSize(64).isNotEqualTo(before);
        replace("tokenizer.json", "<unused315>", "<unused 15>");
        assertThat(fingerprint()).isNotEqualTo(changed);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"model_type\": \"llama\" | \"model_type\": \"gemma\" | model_type=gemma",
                "\"hidden_act\": \"silu\" | \"hidden_act\": \"gelu\" | hidden_act=gelu",
                "\"attention_bias\": false | \"attention_bias\": true | blk.0.attn_q.bias is missing",
                "\"mlp_bias\": false | \"mlp_bias\": true | blk.0.ffn_gate.bias is missing",
                "\"rope_type\": \"default\" | \"rope_type\": \"dynamic\" | rope_parameters.rope_type=dynamic",
                "\"head_dim\": 32 | \"head_dim\": 31 | headDim=31",
                "\"num_key_value_heads\": 4 | \"num_key_value_heads\": 3 | kvHeads=3",
                "\"num_hidden_layers\": 2 | \"num_hidden_layers\": -2 | num_hidden_layers=-2",
                "\"num_hidden_layers\": 2 | \"num_hidden_layers\": 3 | blk.2.attn_norm.weight is missing",
                "\"vocab_size\": 320 | \"vocab_size\": 321 | the hyperparameters ask for 321 x 128",
                "\"rms_norm_eps\": 1e-05 | \"rms_norm_eps\": \"x\" | rms_norm_eps=",
                "\"hidden_size\": 128 | \"hidden_size\": | malformed"
            })
    void unusableConfigIsNamed(String text, String other, String message) throws IOException {
        replace("config.json", text, other);
        assertRefused(message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"config.json", "tokenizer.json"})
    void missingFileIsNamed(String name) throws IOException {
        Files.delete(directory.resolve(name));
        assertRefused(name + " is missing");
        Files.writeString(directory.resolve(name), "[1, 2");
        assertRefused("malformed");
    }

    @Test
    void missingWeightsAndShardsAreNamed() throws IOException {
        Files.delete(directory.resolve(WEIGHTS));
        assertRefused("has no weights");
        writeIndex("part-2.safetensors");
        assertRefused("shard part-2.safetensors");
        writeIndex("../" + directory.getFileName() + "/tokenizer.json");
        assertRefused("which model.safetensors.index.json names, is missing");
    }

    @Test
    void unusableTokenizerIsNamed() throws IOException {
        replace("tokenizer.json", "\"<unused319>\": 319", "\"<unused319>\": 320");
        assertRefused("'<unused319>' has id=320");
        Files.writeString(
                directory.resolve("tokenizer.json"),
                "{\"model\":{\"type\":\"Unigram\",\"vocab\":{}}}");
        assertRefused("tokenizer model type=Unigram");
    }

    @Test
    void brokenTemplateIsNamed() throws IOException {
        Files.writeString(directory.resolve("chat_template.jinja"), "{% for m in messages %}");
        assertRefused("chat template, line");
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 0, 1L << 40, Long.MAX_VALUE})
    void badHeaderLengthIsNamed(long length) throws IOException {
        byte[] weights = Files.readAllBytes(directory.resolve(WEIGHTS));
        ByteBuffer.wrap(weights).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
        Files.write(directory.resolve(WEIGHTS), weights);
        assertRefused("headerBytes=" + Long.toUnsignedString(length));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 7, 8, 100, 20_000, -1})
    void truncatedWeightsAreRefused(int length) throws IOException {
        byte[] weights = Files.readAllBytes(directory.resolve(WEIGHTS));
        int cut = length < 0 ? weights.length + length : length;
        Files.write(directory.resolve(WEIGHTS), Arrays.copyOf(weights, cut));
        assertRefused(WEIGHTS);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                        + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}} | overlap",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}} | within dataBytes=12",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}} | data_offsets=[8,0]",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-4,4]}} | integers from 0",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}} | takes bytes=12",
                "{\"a\":{\"dtype\":\"I8\",\"shape\":[8],\"data_offsets\":[0,8]}} | dtype=\"I8\"",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[9e9],\"data_offsets\":[0,8]}} | integers from 0",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[4000000000,4000000000],\"data_offsets\":[0,8]}}"
                        + " | rows=4000000000",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1],\"data_offsets\":[0,4]}} | dimensions=3",
                "{\"a\":1} | dtype=",
                "{\"a\":{}, | malformed"
            })
    void badDirectoryIsNamed(String header, String message) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length + 12).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(json.length).put(json);
        Files.write(directory.resolve(WEIGHTS), file.array());
        assertRefused(message);
    }

    private String fingerprint() {
        try (ModelFiles files = ModelLoader.open(directory)) {
            return files.fingerprint();
        }
    }

    private void writeIndex(String shard) throws IOException {
        Files.writeString(
                directory.resolve("model.safetensors.index.json"),
                "{\"weight_map\":{\"model.norm.weight\":\"%s\",\"lm_head.weight\":\"%s\"}}"
                        .formatted(shard, shard));
    }

    private void replace(String name, String text, String other) throws IOException {
        Path file = directory.resolve(name);
        String content = Files.readString(file);
        assertThat(content).contains(text);
        Files.writeString(file, content.replace(text, other));
    }

    private void assertRefused(String message) {
        assertThatThrownBy(() -> ModelLoader.open(directory))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining(directory.toString())
                .hasMessageContaining(message);
    }
}
