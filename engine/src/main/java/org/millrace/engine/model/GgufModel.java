// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.millrace.engine.tensor.BlockDecoder;
import org.millrace.engine.tensor.TensorType;

/** Reads hyperparameters and the tensor directory of a GGUF file. */
final class GgufModel {
    private static final String ROPE_FACTORS = "rope_freqs.weight";
    private static final float DEFAULT_ROPE_THETA = 10_000;

    /** Scaling types that change nothing, or what {@code rope_freqs.weight} already holds. */
    private static final Set<String> NEUTRAL_ROPE_SCALING = Set.of("none", "llama3");

    private static final Map<Integer, TensorType> TYPES = typesByNumber();
    private static final Map<Integer, String> UNSUPPORTED_TYPES = unsupportedTypes();

    private GgufModel() {}

    static ModelFiles open(MappedFile file) {
        ByteBuffer start = file.slice(0, Math.min(file.size(), Integer.MAX_VALUE), "the header");
        String source = file.path().toString();
        GgufHeader header = GgufHeader.read(source, start);
        GgufMetadata metadata = header.metadata();
        requireLlama(source, metadata);

        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        for (GgufHeader.Entry entry : header.entries().values()) {
            tensors.put(entry.name(), stored(source, entry, header.dataOffset(), file));
        }
        StoredTensor ropeFactors = tensors.remove(ROPE_FACTORS);
        ModelConfig config = config(source, metadata, tensors, ropeFactors);
        ModelTensors.check(source, config, tensors);
        TokenizerFiles tokenizerFiles = GgufTokenizer.read(metadata, config.vocabSize());
        return MappedModelFiles.open(
                source, config, tensors, RowOrder.INTERLEAVED, tokenizerFiles, file);
    }

    private static void requireLlama(String source, GgufMetadata metadata) {
        String architecture = metadata.string("general.architecture");
        if (!architecture.equals("llama")) {
            throw new ModelFormatException(
                    source + ": architecture=" + architecture + ", supported=llama");
        }
    }

    private static StoredTensor stored(
            String source, GgufHeader.Entry entry, long dataOffset, MappedFile file) {
        TensorType type = TYPES.get(entry.type());
        if (type == null) {
            String name = UNSUPPORTED_TYPES.getOrDefault(entry.type(), "unknown");
            throw new ModelFormatException(
                    source
                            + ": tensor "
                            + entry.name()
                            + " has type="
                            + Integer.toUnsignedString(entry.type())
                            + " ("
                            + name
                            + "), supported="
                            + TYPES.values());
        }
        long[] sizes = entry.sizes();
        long[] shape = new long[sizes.length];
        for (int d = 0; d < shape.length; d++) {
            shape[d] = sizes[sizes.length - 1 - d];
        }
        if (entry.offset() < 0 || entry.offset() > file.size()) {
            throw new ModelFormatException(
                    source
                            + ": tensor "
                            + entry.name()
                            + " has offset="
                            + Long.toUnsignedString(entry.offset())
                            + ", fileBytes="
                            + file.size());
        }
        return StoredTensor.checked(
                entry.name(), entry.name(), type, shape, file, dataOffset + entry.offset());
    }

    private static ModelConfig config(
            String source,
            GgufMetadata metadata,
            Map<String, StoredTensor> tensors,
            StoredTensor ropeFactors) {
        refuse(source, metadata, "llama.expert_count", 0);
        StoredTensor embedding = tensors.get("token_embd.weight");
        if (embedding == null) {
            throw new ModelFormatException(source + ": tensor token_embd.weight is missing");
        }
        int hidden = metadata.size("llama.embedding_length");
        int numHeads = metadata.size("llama.attention.head_count");
        int headDim = metadata.sizeOr("llama.attention.key_length", Math.max(1, hidden / numHeads));
        refuse(source, metadata, "llama.attention.value_length", headDim);
        refuse(source, metadata, "llama.rope.dimension_count", headDim);
        ModelConfig config =
                new ModelConfig(
                        "llama",
                        metadata.stringOr("general.name", ""),
                        metadata.size("llama.block_count"),
                        hidden,
                        metadata.size("llama.feed_forward_length"),
                        numHeads,
                        metadata.sizeOr("llama.attention.head_count_kv", numHeads),
                        headDim,
                        embedding.rows(),
                        metadata.size("llama.context_length"),
                        (float) metadata.real("llama.attention.layer_norm_rms_epsilon"),
                        metadata.realOr("llama.rope.freq_base", DEFAULT_ROPE_THETA),
                        ropeScaling(source, metadata, ropeFactors, headDim));
        ConfigCheck.check(source, config);
        return config;
    }

    private static void refuse(String source, GgufMetadata metadata, String key, long supported) {
        long value = metadata.longOr(key, supported);
        if (value != supported) {
            throw new ModelFormatException(
                    source + ": " + key + "=" + value + ", supported=" + supported);
        }
    }

    private static double[] ropeScaling(
            String source, GgufMetadata metadata, StoredTensor factors, int headDim) {
        String type = metadata.stringOr("llama.rope.scaling.type", "none");
        double linear =
                metadata.realOr(
                        "llama.rope.scaling.factor", metadata.realOr("llama.rope.scale_linear", 1));
        if (type.equals("linear")) {
            return ConfigCheck.ropeFactors(source, RopeScaling.linear(linear, headDim));
        }
        if (!NEUTRAL_ROPE_SCALING.contains(type)) {
            throw new ModelFormatException(
                    source + ": rope scaling type=" + type + ", supported=none, linear, llama3");
        }
        return factors == null ? null : ropeFactors(source, factors, headDim);
    }

    private static double[] ropeFactors(String source, StoredTensor stored, int headDim) {
        if (stored.type() != TensorType.F32
                || stored.rows() != 1
                || 2L * stored.columns() != headDim) {
            throw new ModelFormatException(
                    source
                            + ": tensor "
                            + ROPE_FACTORS
                            + " is "
                            + stored.rows()
                            + " x "
                            + stored.columns()
                            + " "
                            + stored.type()
                            + ", expected 1 x "
                            + headDim / 2
                            + " F32");
        }
        float[] row = new float[stored.columns()];
        BlockDecoder.dequantizeRow(stored.map(), 0, row);
        double[] factors = new double[row.length];
        for (int i = 0; i < row.length; i++) {
            factors[i] = row[i];
        }
        return ConfigCheck.ropeFactors(source, factors);
    }

    private static Map<Integer, TensorType> typesByNumber() {
        Map<Integer, TensorType> types = new LinkedHashMap<>();
        for (TensorType type : TensorType.values()) {
            types.put(type.ggufId(), type);
        }
        return types;
    }

    /** For messages; numbers from ggml.h. */
    private static Map<Integer, String> unsupportedTypes() {
        Map<Integer, String> names = new LinkedHashMap<>();
        names.put(9, "Q8_1");
        names.put(10, "Q2_K");
        names.put(11, "Q3_K");
        names.put(15, "Q8_K");
        names.put(16, "IQ2_XXS");
        names.put(17, "IQ2_XS");
        names.put(18, "IQ3_XXS");
        names.put(19, "IQ1_S");
        names.put(20, "IQ4_NL");
        names.put(21, "IQ3_S");
        names.put(22, "IQ2_S");
        names.put(23, "IQ4_XS");
        names.put(24, "I8");
        names.put(25, "I16");
        names.put(26, "I32");
        names.put(27, "I64");
        names.put(28, "F64");
        names.put(29, "IQ1_M");
        names.put(34, "TQ1_0");
        names.put(35, "TQ2_0");
        names.put(39, "MXFP4");
        return names;
    }
}
