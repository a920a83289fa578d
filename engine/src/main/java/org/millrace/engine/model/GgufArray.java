// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * An array of a GGUF file's metadata, decoded only when asked for. Its bounds were checked when the
 * header was read.
 *
 * @param where names the array in errors
 * @param data the elements' bytes, little-endian, from position 0
 */
record GgufArray(String where, GgufValueType elementType, int count, ByteBuffer data) {
    String[] strings() {
        expect(GgufValueType.STRING);
        ByteBuffer from = data.duplicate().order(data.order());
        String[] strings = new String[count];
        for (int i = 0; i < count; i++) {
            byte[] utf8 = new byte[(int) from.getLong()];
            from.get(utf8);
            strings[i] = new String(utf8, StandardCharsets.UTF_8);
        }
        return strings;
    }

    int[] ints() {
        if (elementType != GgufValueType.UINT32) {
            expect(GgufValueType.INT32);
        }
        int[] ints = new int[count];
        data.asIntBuffer().get(ints);
        return ints;
    }

    float[] floats() {
        expect(GgufValueType.FLOAT32);
        float[] floats = new float[count];
        data.asFloatBuffer().get(floats);
        return floats;
    }

    /** Numbers of any type, truth values as 1 and 0. */
    List<Double> numbers() {
        IntToDoubleFunction number =
                switch (elementType) {
                    case BOOL -> i -> data.get(i);
                    case INT32 -> i -> data.getInt(Integer.BYTES * i);
                    case UINT32 -> i -> Integer.toUnsignedLong(data.getInt(Integer.BYTES * i));
                    case FLOAT32 -> i -> data.getFloat(Float.BYTES * i);
                    default ->
                            throw new ModelFormatException(
                                    where + ": elementType=" + elementType + ", expected=numbers");
                };
        return IntStream.range(0, count).mapToDouble(number).boxed().toList();
    }

    private void expect(GgufValueType type) {
        if (elementType != type) {
            throw new ModelFormatException(
                    where + ": elementType=" + elementType + ", expected=" + type);
        }
    }
}
