// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.millrace.engine.TinyModels;
import org.millrace.engine.model.ModelFiles;
import org.millrace.engine.model.ModelLoader;

/** Decoded weights against those of another library, and by hand where its files do not reach. */
class BlockDecoderTest {
    @ParameterizedTest
    @ValueSource(strings = {"bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_k", "q5_k", "q6_k"})
    void weightsEqualThoseOfTheGgufPackage(String type) throws Exception {
        String file = type + ".gguf";
        JsonNode expected = TinyModels.json("k256/dequantized.json").get(file);
        try (ModelFiles files = ModelLoader.open(TinyModels.path("k256/" + file))) {
            for (Map.Entry<String, JsonNode> tensor : expected.properties()) {
                assertThat(digest(files.tensor(tensor.getKey())))
                        .as(tensor.getKey())
                        .isEqualTo(tensor.getValue().textValue());
            }
        }
    }

    private static String digest(Tensor tensor) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        float[] row = new float[tensor.columns()];
        ByteBuffer bytes =
                ByteBuffer.allocate(Float.BYTES * row.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int r = 0; r < tensor.rows(); r++) {
            BlockDecoder.dequantizeRow(tensor, r, row);
            for (float value : row) {
                bytes.putFloat(value + 0f);
            }
            digest.update(bytes.flip());
            bytes.clear();
        }
        return HexFormat.of().formatHex(digest.digest()).substring(0, 16);
    }

    @Test
    void mostNegativeQ80WeightKeepsItsValue() {
        byte[] block = new byte[34];
        block[1] = 0x3C;
        block[2] = -128;
        block[33] = 127;
        Tensor tensor = new Tensor("t", TensorType.Q8_0, 1, 32, ByteBuffer.wrap(block));
        float[] row = new float[32];
        BlockDecoder.dequantizeRow(tensor, 0, row);
        assertThat(row[0]).isEqualTo(-128f);
        assertThat(row[31]).isEqualTo(127f);
    }

    @Test
    void blockAfterAnotherTypeCarriesNothingOver() {
        WeightBlock block = new WeightBlock();
        byte[] q6 = new byte[210];
        q6[192] = 5;
        BlockDecoder.decode(
                new Tensor("a", TensorType.Q6_K, 1, 256, ByteBuffer.wrap(q6)), 0, 0, block);
        assertThat(block.halfScale0).isEqualTo(5);
        BlockDecoder.decode(
                new Tensor("b", TensorType.Q4_1, 1, 32, ByteBuffer.allocate(20)), 0, 0, block);
        assertThat(block.halfScale0).isEqualTo(1);
        assertThat(block.hasMin).isTrue();
        BlockDecoder.decode(
                new Tensor("c", TensorType.Q4_0, 1, 32, ByteBuffer.allocate(18)), 0, 0, block);
        assertThat(block.hasMin).isFalse();
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void floatTypesHaveNoBlocks(TensorType type) {
        Tensor tensor = new Tensor("t", type, 1, 32, ByteBuffer.allocate(128));
        assertThatThrownBy(() -> BlockDecoder.decode(tensor, 0, 0, new WeightBlock()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(type.name());
    }
}
