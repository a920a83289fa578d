// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.millrace.engine.TinyModels;

/**
 * Files that were cut off, damaged or made to harm end in an error that names what is wrong, and in
 * nothing else.
 */
@Timeout(60)
class DamagedGgufTest {
    @TempDir private Path directory;

    private byte[] intact;

    @BeforeEach
    void readIntactFile() throws IOException {
        intact = Files.readAllBytes(TinyModels.path("mha32/q8_0.gguf"));
    }

    static Stream<Arguments> damages() {
        return Stream.of(
                damage("magic=0x46554746", file -> file.putInt(0, 0x46554746)),
                damage("version=1", file -> file.putInt(4, 1)),
                damage("tensorCount=9223372036854775807", file -> file.putLong(8, Long.MAX_VALUE)),
                damage("tensorCount=18446744073709551615", file -> file.putLong(8, -1)),
                damage("metadataCount=4294967296", file -> file.putLong(16, 1L << 32)),
                damage("valueType=99", file -> file.putInt(file.after("llama.block_count"), 99)),
                damage(
                        "llama.block_count is missing",
                        file -> file.replace("llama.block_count", "llama.block_coun!")),
                damage(
                        "layers=1000000",
                        file -> file.putInt(file.after("llama.block_count") + 4, 1_000_000)),
                damage(
                        "llama.attention.head_count=0",
                        file -> file.putInt(file.after("llama.attention.head_count") + 4, 0)),
                damage(
                        "contextLength=2147483647",
                        file ->
                                file.putInt(
                                        file.after("llama.context_length") + 4, Integer.MAX_VALUE)),
                damage(
                        "the hyperparameters ask for",
                        file -> file.putInt(file.after("llama.feed_forward_length") + 4, 96)),
                damage("architecture=lamma", file -> file.replace("llama", "lamma")),
                damage("pre-tokenizer=smollx", file -> file.replace("smollm", "smollx")),
                damage(
                        "tensor blk.1.ffn_up.weight is missing",
                        file -> file.replace("blk.1.ffn_up.weight", "blk.9.ffn_up.weight")),
                damage(
                        "tensor token_embd.weight is missing",
                        file -> file.replace("token_embd.weight", "token_embd.weighs")),
                damage(
                        "type=10 (Q2_K)",
                        file -> file.putInt(file.after("blk.0.ffn_up.weight") + 20, 10)),
                damage(
                        "type=77 (unknown)",
                        file -> file.putInt(file.after("blk.0.ffn_up.weight") + 20, 77)),
                damage(
                        "dimensions=4294967295",
                        file -> file.putInt(file.after("blk.0.ffn_up.weight"), -1)),
                damage(
                        "tensor blk.0.ffn_up.weight",
                        file -> file.putLong(file.after("blk.0.ffn_up.weight") + 4, -32)),
                damage(
                        "limit of 2147483647 bytes per tensor",
                        file ->
                                file.putLong(
                                        file.after("blk.0.ffn_up.weight") + 12, Integer.MAX_VALUE)),
                damage(
                        "no multiple of the block",
                        file -> file.putLong(file.after("blk.0.ffn_up.weight") + 4, 100)),
                damage(
                        "offset=18446744073709551584",
                        file -> file.putLong(file.after("blk.0.ffn_up.weight") + 24, -32)),
                damage(
                        "ends after the file",
                        file -> file.putLong(file.after("blk.0.ffn_up.weight") + 24, 392_000)),
                damage(
                        "names a token that the vocabulary lacks",
                        file -> file.replace("h e", "h\0e")),
                damage(
                        "bos_token_id=100000",
                        file ->
                                file.putInt(
                                        file.after("tokenizer.ggml.bos_token_id") + 4, 100_000)));
    }

    private static Arguments damage(String message, UnaryOperator<GgufBytes> change) {
        return Arguments.of(message, change);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damages")
    void damageIsNamed(String message, UnaryOperator<GgufBytes> change) throws IOException {
        Path file = write(change.apply(new GgufBytes(intact)).array());
        assertThatThrownBy(() -> ModelLoader.open(file))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(message);
    }

    @Test
    void intactFileOpens() throws IOException {
        Path file = write(intact);
        assertThatCode(() -> ModelLoader.open(file).close()).doesNotThrowAnyException();
    }

    @Test
    void emptyFileIsRefused() throws IOException {
        Path file = write(new byte[0]);
        assertThatThrownBy(() -> ModelLoader.open(file))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("truncated");
    }

    @Test
    void headerCutOffAnywhereIsRefused() {
        int headerBytes = (int) GgufHeader.read("tiny", ByteBuffer.wrap(intact)).dataOffset();
        for (int length = 0; length < headerBytes - 32; length++) {
            ByteBuffer cut = ByteBuffer.wrap(Arrays.copyOf(intact, length));
            assertThatThrownBy(() -> GgufHeader.read("tiny", cut))
                    .isInstanceOf(ModelFormatException.class);
        }
    }

    @Test
    void dataCutOffAnywhereIsRefused() throws IOException {
        int headerBytes = (int) GgufHeader.read("tiny", ByteBuffer.wrap(intact)).dataOffset();
        Random random = new Random(1);
        for (int i = 0; i < 50; i++) {
            int length = headerBytes + random.nextInt(intact.length - headerBytes);
            Path file = write(Arrays.copyOf(intact, length));
            assertThatThrownBy(() -> ModelLoader.open(file))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("fileBytes=" + length);
        }
    }

    /** Bytes are changed in the file and changed back, which is faster than to write it anew. */
    @Test
    void damagedHeadersEndInANamedErrorOrInAModel() throws IOException {
        int headerBytes = (int) GgufHeader.read("tiny", ByteBuffer.wrap(intact)).dataOffset();
        Random random = new Random(2);
        Path path = write(intact);
        int refused = 0;
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
            for (int round = 0; round < 3_000; round++) {
                byte[] damaged = intact.clone();
                for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
                    int at = random.nextInt(headerBytes);
                    if (random.nextInt(4) == 0) {
                        byte[] word = new byte[Long.BYTES];
                        Arrays.fill(word, (byte) (random.nextInt(3) - 1));
                        System.arraycopy(word, 0, damaged, at, word.length);
                    } else {
                        damaged[at] ^= (byte) (1 << random.nextInt(8));
                    }
                }
                file.write(ByteBuffer.wrap(damaged, 0, headerBytes + Long.BYTES), 0);
                try {
                    ModelLoader.open(path).close();
                } catch (ModelFormatException e) {
                    refused++;
                }
            }
        }
        assertThat(refused).isGreaterThan(600);
    }

    private Path write(byte[] bytes) throws IOException {
        return Files.write(directory.resolve("model.gguf"), bytes);
    }
}
