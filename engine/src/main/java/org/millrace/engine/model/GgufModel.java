// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.millrace.engine.model.family.Families;
import org.millrace.engine.model.family.Family;
import org.millrace.engine.model.family.TensorNames;
import org.millrace.engine.model.spec.ModelSpec;
import org.millrace.engine.tensor.TensorType;

/** Reads the tensor directory and the metadata of a GGUF file. */
final class GgufModel {
    private static final Map<Integer, TensorType> TYPES = typesByNumber();
    private static final Map<Integer, String> UNSUPPORTED_TYPES = unsupportedTypes();

    private GgufModel() {}

    static ModelFiles open(MappedFile file) {
        ByteBuffer start = file.slice(0, Math.min(file.size(), Integer.MAX_VALUE), "the header");
        String source = file.path().toString();
        GgufHeader header = GgufHeader.read(source, start);
        GgufMetadata metadata = header.metadata();
        Family family = family(source, metadata);

        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        for (GgufHeader.Entry entry : header.entries().values()) {
            String name = TensorNames.ofGguf(family, entry.name());
            tensors.put(name, stored(source, name, entry, header.dataOffset(), file));
        }
        GgufHyperparameters parameters =
                new GgufHyperparameters(
                        source,
                        metadata,
                        metadata.string("general.architecture") + ".",
                        Map.copyOf(tensors));
        tensors.keySet().removeIf(GgufHyperparameters::isParameter);
        ModelSpec spec = SpecReader.read(source, family, parameters, tensors);
        TokenizerFiles tokenizerFiles = GgufTokenizer.read(metadata, spec.vocabSize());
        return MappedModelFiles.open(
                source,
                spec,
                tensors,
                new StoredForm(family.ggufOrder(), 0f),
                tokenizerFiles,
                file);
    }

    private static Family family(String source, GgufMetadata metadata) {
        String architecture = metadata.string("general.architecture");
        return Families.ofGguf(architecture)
                .orElseThrow(
                        () ->
                                new ModelFormatException(
                                        source
                                                + ": architecture="
                                                + architecture
                                                + ", supported="
                                                + Families.ggufArchitectures()));
    }

    private static StoredTensor stored(
            String source, String name, GgufHeader.Entry entry, long dataOffset, MappedFile file) {
        TensorType type = TYPES.get(entry.type());
        if (type == null) {
            String typeName = UNSUPPORTED_TYPES.getOrDefault(entry.type(), "unknown");
            throw new ModelFormatException(
                    source
                            + ": tensor "
                            + entry.name()
                            + " has type="
                            + Integer.toUnsignedString(entry.type())
                            + " ("
                            + typeName
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
                name, entry.name(), type, shape, file, dataOffset + entry.offset());
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
