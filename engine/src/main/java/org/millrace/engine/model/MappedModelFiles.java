// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.tensor.Tensor;

/** Model files whose tensors are mapped when asked for. */
final class MappedModelFiles implements ModelFiles {
    private final String source;
    private final ModelSpec spec;
    private final Map<String, StoredTensor> tensors;
    private final StoredForm form;
    private final TokenizerFiles tokenizerFiles;
    private final Tokenizer tokenizer;
    private final ChatTemplate chatTemplate;
    private final List<MappedFile> files;

    private MappedModelFiles(
            String source,
            ModelSpec spec,
            Map<String, StoredTensor> tensors,
            StoredForm form,
            TokenizerFiles tokenizerFiles,
            MappedFile... files) {
        this.source = source;
        this.spec = spec;
        this.tensors = tensors;
        this.form = form;
        this.tokenizerFiles = tokenizerFiles;
        this.files = List.of(files);
        tokenizer = BpeTokenizer.open(source, tokenizerFiles, spec.vocabSize());
        chatTemplate = JinjaChatTemplate.compile(source, tokenizerFiles, tokenizer);
    }

    /** Takes over the files: closing the result closes them. */
    static ModelFiles open(
            String source,
            ModelSpec spec,
            Map<String, StoredTensor> tensors,
            StoredForm form,
            TokenizerFiles tokenizerFiles,
            MappedFile... files) {
        return new MappedModelFiles(source, spec, tensors, form, tokenizerFiles, files);
    }

    @Override
    public ModelSpec spec() {
        return spec;
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
        return form.read(spec, stored.map());
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
        update(digest, SpecText.of(spec));
        update(digest, tokenizerFiles.tokenizerJson());
        new TreeMap<>(tensors)
                .forEach(
                        (name, tensor) -> {
                            update(digest, name + " " + tensor.type() + " " + form.rotaryOrder());
                            ByteBuffer data = tensor.map().data();
                            digest.update(data);
                        });
        return HexFormat.of().formatHex(digest.digest());
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
