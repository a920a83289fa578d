// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Turns the tokens of one generation into text, cut only between whole UTF-8 characters: bytes of
 * an unfinished character wait for the next token. Not thread safe.
 */
public final class StreamDecoder {
    private final Tokenizer tokenizer;
    private final ByteArrayOutputStream pending = new ByteArrayOutputStream(8);

    StreamDecoder(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** Adds a token; returns the text that became complete, which may be empty. */
    public String append(int token) {
        byte[] bytes = tokenizer.bytes(token);
        pending.write(bytes, 0, bytes.length);
        byte[] all = pending.toByteArray();
        int end = completeLength(all);
        pending.reset();
        pending.write(all, end, all.length - end);
        return new String(all, 0, end, StandardCharsets.UTF_8);
    }

    /** The rest at the end of the generation; an unfinished character becomes U+FFFD. */
    public String flush() {
        String rest = pending.toString(StandardCharsets.UTF_8);
        pending.reset();
        return rest;
    }

    /** Length of the longest prefix that does not end inside a character. */
    private static int completeLength(byte[] bytes) {
        int n = bytes.length;
        for (int back = 1; back <= Math.min(3, n); back++) {
            int b = bytes[n - back] & 0xFF;
            if (b >= 0xC0) {
                int needed = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2;
                return needed > back ? n - back : n;
            }
            if (b < 0x80) {
                return n;
            }
        }
        return n;
    }
}
