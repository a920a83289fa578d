// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The printable characters by which byte-level BPE vocabularies write bytes (GPT-2): printable
 * Latin-1 bytes stand for themselves, the 68 others follow from U+0100 in order.
 */
final class ByteAlphabet {
    private static final int LAST = 0x143;
    private static final short[] BYTE_OF_CHAR = byteOfChar();

    private ByteAlphabet() {}

    /**
     * The bytes a vocabulary entry stands for; its UTF-8 bytes if it is not written in this
     * alphabet.
     */
    static byte[] decode(String piece) {
        byte[] bytes = new byte[piece.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = piece.charAt(i);
            if (c > LAST || BYTE_OF_CHAR[c] < 0) {
                return piece.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = (byte) BYTE_OF_CHAR[c];
        }
        return bytes;
    }

    private static short[] byteOfChar() {
        short[] table = new short[LAST + 1];
        Arrays.fill(table, (short) -1);
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            table[printable ? b : next++] = (short) b;
        }
        return table;
    }
}
