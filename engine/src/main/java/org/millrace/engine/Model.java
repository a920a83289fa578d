// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.KernelProvider;
import org.millrace.engine.kernels.KernelProviders;
import org.millrace.engine.kernels.Resources;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.KvPageDescriptor;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.engine.kvcache.policy.TokenClasses;
import org.millrace.engine.model.ChatTemplate;
import org.millrace.engine.model.ModelFiles;
import org.millrace.engine.model.ModelLoader;
import org.millrace.engine.model.Operation;
import org.millrace.engine.model.Tokenizer;
import org.millrace.engine.model.TransformerModel;
import org.millrace.engine.model.Weights;
import org.millrace.engine.model.spec.ModelSpec;

/**
 * A model opened for generation: weights packed for one kernel provider, tokenizer, chat template.
 * Shared by all users in a process: {@link #open} hands out the same weights for the same path and
 * options, whatever the type of cached values, and the last {@link #close} frees them. Thread safe.
 */
public final class Model implements AutoCloseable {
    /** All that packed weights depend on. */
    private record Key(Path path, ActivationType activations, String provider, int threads) {
        Key(Path path, ModelOptions options) {
            this(path, options.activations(), options.provider(), options.threads());
        }
    }

    /** What models of one key share. */
    private static final class Shared {
        private final Key key;
        private final Resources owned = new Resources();
        private final ModelFiles files;
        private final KernelProvider kernels;
        private final Weights weights;
        private final TokenClasses tokenClasses;
        private final String fingerprint;
        private int users;

        Shared(Key key) {
            this.key = key;
            try {
                kernels = owned.add(KernelProviders.lookup(key.provider(), key.threads()));
                files = owned.add(ModelLoader.open(key.path()));
                // Now: an interrupted thread's reads close the files, for the next one, too.
                fingerprint = files.fingerprint();
                weights = owned.add(new Weights(files, kernels, key.activations()));
                Tokenizer tokenizer = files.tokenizer();
                tokenClasses =
                        TokenClasses.of(
                                tokenizer.vocabSize(), tokenizer.addedTokens(), tokenizer::bytes);
            } catch (RuntimeException | OutOfMemoryError e) {
                owned.close();
                throw e;
            }
        }

        void close() {
            owned.close();
        }
    }

    private static final Map<Key, Shared> OPEN = new HashMap<>();

    private final Shared shared;
    private final ModelOptions options;
    private final CacheLayout cacheLayout;

    private Model(Shared shared, ModelOptions options) {
        this.shared = shared;
        this.options = options;
        ModelSpec spec = shared.files.spec();
        cacheLayout =
                new CacheLayout(
                        new KvPageDescriptor(options.kvType(), spec.headDim()),
                        spec.numLayers(),
                        spec.numKvHeads(),
                        fingerprint(shared.fingerprint, spec, options));
    }

    /**
     * SHA-256 over all that cached values depend on. The provider is not among it: all give the
     * same bits.
     */
    private static String fingerprint(String model, ModelSpec spec, ModelOptions options) {
        String all =
                String.join(
                        "\n",
                        model,
                        Operation.versions(spec),
                        "page=" + KvPageDescriptor.VERSION,
                        "pageSlots=" + KvPageDescriptor.PAGE_SLOTS,
                        "kv=" + options.kvType(),
                        "activations=" + options.activations(),
                        "retention=" + RetentionPolicies.VERSION);
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256")
                            .digest(all.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Opens a GGUF file or a Hugging Face directory.
     *
     * @throws org.millrace.engine.model.ModelFormatException if it cannot be used, saying why
     * @throws UncheckedIOException if there is no such file
     */
    public static Model open(Path path, ModelOptions options) {
        Key key = new Key(realPath(path), options);
        synchronized (OPEN) {
            Model model = new Model(OPEN.computeIfAbsent(key, Shared::new), options);
            model.shared.users++;
            return model;
        }
    }

    private static Path realPath(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            throw new UncheckedIOException("no model at " + path, e);
        }
    }

    /** What the model computes. */
    public ModelSpec spec() {
        return shared.files.spec();
    }

    public ModelOptions options() {
        return options;
    }

    public Tokenizer tokenizer() {
        return shared.files.tokenizer();
    }

    /** Which tokens are special or punctuation, for retention policies. */
    public TokenClasses tokenClasses() {
        return shared.tokenClasses;
    }

    public ChatTemplate chatTemplate() {
        return shared.files.chatTemplate();
    }

    /** The provider that runs this model. */
    public KernelProvider kernels() {
        return shared.kernels;
    }

    /** SHA-256 of weights, tokenizer and hyperparameters, hexadecimal. */
    public String fingerprint() {
        return shared.fingerprint;
    }

    /** Shape and fingerprint of this model's caches. */
    public CacheLayout cacheLayout() {
        return cacheLayout;
    }

    /** A forward pass with scratch memory for batches of {@code maxRows}; closed by the caller. */
    public TransformerModel newTransformer(int maxRows, int maxLogitRows) {
        return new TransformerModel(
                shared.files.spec(), shared.weights, shared.kernels, maxRows, maxLogitRows);
    }

    @Override
    public void close() {
        synchronized (OPEN) {
            if (--shared.users == 0) {
                OPEN.remove(shared.key);
                shared.close();
            }
        }
    }
}
