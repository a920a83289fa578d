package org.millrace.engine;

import java.nio.file.Path;
import org.millrace.engine.model.ChatTemplate;
import org.millrace.engine.model.ModelConfig;
import org.millrace.engine.model.Tokenizer;

/**
 * A model opened for generation: weights packed for one kernel provider, tokenizer, chat template. Shared by all users in
 * a process: {@link #open} hands out the same weights for the same path and options, and the last {@link #close} frees
 * them. Thread safe.
 */
public final class Model implements AutoCloseable {
    private Model() {}

    /**
     * Opens a GGUF file or a Hugging Face directory.
     *
     * @throws org.millrace.engine.model.ModelFormatException if it cannot be used, saying why
     */
    public static Model open(Path path, ModelOptions options) {
        throw new UnsupportedOperationException();
    }

    public ModelConfig config() {
        throw new UnsupportedOperationException();
    }

    public ModelOptions options() {
        throw new UnsupportedOperationException();
    }

    public Tokenizer tokenizer() {
        throw new UnsupportedOperationException();
    }

    public ChatTemplate chatTemplate() {
        throw new UnsupportedOperationException();
    }

    /** SHA-256 of weights, tokenizer and hyperparameters, hexadecimal. */
    public String fingerprint() {
        throw new UnsupportedOperationException();
    }

    /** What a cache depends on: model fingerprint, KV type, activation type, page size, numerics version, policy. */
    public String cacheFingerprint() {
        throw new UnsupportedOperationException();
    }

    /** Bytes of the packed weights. */
    public long weightBytes() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
