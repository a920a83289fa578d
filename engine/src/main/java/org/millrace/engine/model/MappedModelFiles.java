// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.millrace.engine.tensor.Tensor;

/** Model files whose tensors are mapped when asked for. */
final class MappedModelFiles implements ModelFiles {
    private final String source;
    private final ModelConfig config;
    private final Map<String, StoredTensor> tensors;
    private final RowOrder rowOrder;
    private final TokenizerFiles tokenizerFiles;
    private final Tokenizer tokenizer;
    private final ChatTemplate chatTemplate;
    private final List<MappedFile> files;

    private MappedModelFiles(
            String source,
            ModelConfig config,
            Map<String, StoredTensor> tensors,
            RowOrder rowOrder,
            TokenizerFiles tokenizerFiles,
            MappedFile... files) {
        this.source = source;
        this.config = config;
        this.tensors = tensors;
        this.rowOrder = rowOrder;
        this.tokenizerFiles = tokenizerFiles;
        this.files = List.of(files);
        tokenizer = BpeTokenizer.open(source, tokenizerFiles, config.vocabSize());
        chatTemplate = JinjaChatTemplate.compile(source, tokenizerFiles, tokenizer);
    }

    /** Takes over the files: closing the result closes them. */
    static ModelFiles open(
            String source,
            ModelConfig config,
            Map<String, StoredTensor> tensors,
            RowOrder rowOrder,
            TokenizerFiles tokenizerFiles,
            MappedFile... files) {
        return new MappedModelFiles(source, config, tensors, rowOrder, tokenizerFiles, files);
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    @Override
    public Tensor tensor(String name) {
        StoredTensor stored = tensors.get(name);
        if (stored == null) {
            throw new ModelFormatException(source + ": tensor " + name + " is missing");
        }
        boolean rotated = name.endsWith("attn_q.weight") || name.endsWith("attn_k.weight");
        return rotated ? rowOrder.toHalfSplit(stored.map(), config.headDim()) : stored.map();
    }

    @Override
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public ChatTemplate chatTemplate() {
        return chatTemplate;
    }

    /** Over the stored bytes, in the order of names. */
    @Override
    public String fingerprint() {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
        update(digest, hyperparameters());
        update(digest, tokenizerFiles.tokenizerJson());
        new TreeMap<>(tensors)
                .forEach(
                        (name, tensor) -> {
                            update(digest, name + " " + tensor.type() + " " + rowOrder);
                            ByteBuffer data = tensor.map().data();
                            digest.update(data);
                        });
        return HexFormat.of().formatHex(digest.digest());
    }

    private String hyperparameters() {
        return String.join(
                " ",
                config.architecture(),
                "layers=" + config.numLayers(),
                "hidden=" + config.hiddenSize(),
                "intermediate=" + config.intermediateSize(),
                "heads=" + config.numHeads(),
                "kvHeads=" + config.numKvHeads(),
                "headDim=" + config.headDim(),
                "vocab=" + config.vocabSize(),
                "eps=" + config.rmsNormEps(),
                "theta=" + config.ropeTheta(),
                "ropeScaling=" + Arrays.toString(config.ropeScaling()));
    }

    /** With its length before it, so that no two sequences of texts digest alike. */
    private static void update(MessageDigest digest, String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(utf8.length).flip());
        digest.update(utf8);
    }

    @Override
    public void close() {
        tokenizer.close();
        files.forEach(MappedFile::close);
    }
}
