// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPInputStream;

/** Tokenizer and chat template of the default model, from the metadata of its file; loaded once. */
final class GoldenVocabulary {
    static final int SIZE = 49_152;
    static final TokenizerFiles FILES = files();
    static final Tokenizer TOKENIZER = BpeTokenizer.open("smollm2", FILES, SIZE);
    static final ChatTemplate CHAT_TEMPLATE =
            JinjaChatTemplate.compile("smollm2", FILES, TOKENIZER);

    private GoldenVocabulary() {}

    static JsonNode json(String name) {
        try (InputStream in = open("/golden/smollm2/" + name)) {
            return new ObjectMapper().readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One of the texts that were scored. */
    static String text(String name) {
        try (InputStream in = open("/golden/texts/" + name + ".txt")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static TokenizerFiles files() {
        try (InputStream in = new GZIPInputStream(open("/golden/smollm2/vocabulary.gguf.gz"))) {
            GgufHeader header = GgufHeader.read("smollm2", ByteBuffer.wrap(in.readAllBytes()));
            return GgufTokenizer.read(header.metadata(), SIZE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InputStream open(String path) {
        return GoldenVocabulary.class.getResourceAsStream(path);
    }
}
