// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Finds and changes things in the bytes of a GGUF file, to damage it in known places. */
final class GgufBytes {
    private final ByteBuffer bytes;

    GgufBytes(byte[] file) {
        bytes = ByteBuffer.wrap(file.clone()).order(ByteOrder.LITTLE_ENDIAN);
    }

    byte[] array() {
        return bytes.array();
    }

    GgufBytes putInt(int offset, int value) {
        bytes.putInt(offset, value);
        return this;
    }

    GgufBytes putLong(int offset, long value) {
        bytes.putLong(offset, value);
        return this;
    }

    /**
     * Offset after the first string of this text with its length before it, as keys and names are
     * written.
     */
    int after(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        for (int at = 0; at < bytes.capacity() - utf8.length - 8; at++) {
            if (bytes.getLong(at) == utf8.length && matches(at + 8, utf8)) {
                return at + 8 + utf8.length;
            }
        }
        throw new IllegalArgumentException("no " + text);
    }

    /** Writes another text of the same length over a string. */
    GgufBytes replace(String text, String other) {
        byte[] utf8 = other.getBytes(StandardCharsets.UTF_8);
        bytes.put(after(text) - utf8.length, utf8);
        return this;
    }

    private boolean matches(int at, byte... utf8) {
        for (int i = 0; i < utf8.length; i++) {
            if (bytes.get(at + i) != utf8[i]) {
                return false;
            }
        }
        return true;
    }
}
