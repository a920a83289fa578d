// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

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

    private void expect(GgufValueType type) {
        if (elementType != type) {
            throw new ModelFormatException(
                    where + ": elementType=" + elementType + ", expected=" + type);
        }
    }
}
