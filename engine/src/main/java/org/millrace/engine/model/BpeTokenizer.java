// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.millrace.engine.kernels.UnpackedLibraries;

/**
 * Byte-level and SentencePiece BPE by Hugging Face's tokenizers. Two native tokenizers are held:
 * one that knows the control tokens, one that does not. Thread safe.
 */
final class BpeTokenizer implements Tokenizer {
    private static final Map<String, String> OPTIONS =
            Map.of(
                    "addSpecialTokens", "false",
                    "truncation", "false",
                    "padding", "false",
                    "modelMaxLength", String.valueOf(Integer.MAX_VALUE));

    static {
        // The library reports its use and may look for native code over the network unless told not
        // to.
        if (System.getProperty("ai.djl.offline") == null) {
            System.setProperty("ai.djl.offline", "true");
        }
    }

    private final TokenizerJson json;
    private final TokenizerFiles files;
    private final int vocabSize;
    private final HuggingFaceTokenizer withControlTokens;
    private final HuggingFaceTokenizer withoutControlTokens;

    private BpeTokenizer(String source, TokenizerFiles files, int vocabSize) {
        this.files = files;
        this.vocabSize = vocabSize;
        json = TokenizerJson.parse(source, files, vocabSize);
        withControlTokens = load(source, json.withControlTokens());
        withoutControlTokens = load(source, json.withoutControlTokens());
    }

    static Tokenizer open(String source, TokenizerFiles files, int vocabSize) {
        return new BpeTokenizer(source, files, vocabSize);
    }

    private static HuggingFaceTokenizer load(String source, String json) {
        byte[] utf8 = json.getBytes(StandardCharsets.UTF_8);
        try {
            return UnpackedLibraries.load(
                    "ENGINE_CACHE_DIR",
                    () ->
                            HuggingFaceTokenizer.newInstance(
                                    new ByteArrayInputStream(utf8), OPTIONS));
        } catch (RuntimeException | IOException e) {
            throw new ModelFormatException(
                    source + ": the tokenizer cannot be used: " + e.getMessage(), e);
        } catch (LinkageError e) {
            throw notLoaded(e);
        }
    }

    /** One line, of a failure that is about the machine and not about the model. */
    static IllegalStateException notLoaded(LinkageError e) {
        return new IllegalStateException(
                "cannot load the tokenizer's native library, which is unpacked to java.io.tmpdir="
                        + System.getProperty("java.io.tmpdir")
                        + "; if that is mounted noexec, start the JVM with -Djava.io.tmpdir=DIR on"
                        + " another file system (MILLRACE_JAVA_OPTS, or env.java.opts.taskmanager): "
                        + e.getMessage(),
                e);
    }

    @Override
    public int[] encode(String text, boolean controlTokens) {
        if (text.isEmpty()) {
            return new int[0];
        }
        HuggingFaceTokenizer tokenizer = controlTokens ? withControlTokens : withoutControlTokens;
        long[] ids = tokenizer.encode(wellFormed(text), false, false).getIds();
        int[] tokens = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            tokens[i] = Math.toIntExact(ids[i]);
        }
        return tokens;
    }

    /**
     * Lone surrogates have no UTF-8 form: each becomes U+FFFD, as a decoder of broken UTF-8 writes
     * it.
     */
    private static String wellFormed(String text) {
        StringBuilder fixed = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            boolean pair =
                    i + 1 < text.length() && Character.isSurrogatePair(c, text.charAt(i + 1));
            if (pair) {
                i++;
                continue;
            }
            if (fixed == null) {
                fixed = new StringBuilder(text);
            }
            fixed.setCharAt(i, '\uFFFD');
        }
        return fixed == null ? text : fixed.toString();
    }

    @Override
    public byte[] bytes(int token) {
        return json.bytes(token);
    }

    @Override
    public String piece(int token) {
        return json.piece(token);
    }

    @Override
    public int vocabSize() {
        return vocabSize;
    }

    @Override
    public int beginOfSequence() {
        return files.beginOfSequence();
    }

    @Override
    public Set<Integer> endOfSequence() {
        return files.endOfSequence();
    }

    @Override
    public List<Integer> controlTokens() {
        return List.copyOf(json.controlTokens().keySet());
    }

    @Override
    public List<Integer> addedTokens() {
        return List.copyOf(json.addedTokens());
    }

    @Override
    public void close() {
        withControlTokens.close();
        withoutControlTokens.close();
    }
}
