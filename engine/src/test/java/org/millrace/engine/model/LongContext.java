// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Model files that advertise another context. */
public final class LongContext {
    private LongContext() {}

    /** The bytes of a GGUF file whose context has so many positions. */
    public static byte[] of(Path gguf, int positions) throws IOException {
        GgufBytes bytes = new GgufBytes(Files.readAllBytes(gguf));
        int type = bytes.after("llama.context_length");
        return bytes.putInt(type + Integer.BYTES, positions).array();
    }
}
