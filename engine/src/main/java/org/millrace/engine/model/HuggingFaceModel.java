// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.millrace.engine.model.family.Families;
import org.millrace.engine.model.family.Family;
import org.millrace.engine.model.family.TensorNames;
import org.millrace.engine.model.spec.ModelSpec;

/**
 * Reads a directory in Hugging Face's layout: config.json, safetensors in one file or in shards,
 * tokenizer.json.
 */
final class HuggingFaceModel {
    private static final String SINGLE_FILE = "model.safetensors";
    private static final String SHARD_INDEX = "model.safetensors.index.json";

    private HuggingFaceModel() {}

    static ModelFiles open(Path directory) {
        String source = directory.toString();
        JsonFile json = JsonFile.read(directory.resolve("config.json"));
        Family family = family(json);
        if (json.root().hasNonNull("quantization_config")) {
            throw new ModelFormatException(
                    json.path()
                            + ": quantization_config is not supported, use F32, F16 or BF16"
                            + " weights, or a GGUF file");
        }
        Map<String, MappedFile> files = new TreeMap<>();
        try {
            Map<String, StoredTensor> tensors =
                    tensors(directory, files, name -> TensorNames.ofHuggingFace(family, name));
            if (json.booleanOr("tie_word_embeddings", false)) {
                tensors.remove(ModelTensors.OUTPUT);
            } else if (!tensors.containsKey(ModelTensors.OUTPUT)) {
                throw new ModelFormatException(
                        source
                                + ": tensor lm_head.weight is missing, and tie_word_embeddings=false");
            }
            HuggingFaceHyperparameters parameters =
                    new HuggingFaceHyperparameters(source, json, Map.copyOf(tensors));
            ModelSpec spec = SpecReader.read(source, family, parameters, tensors);
            TokenizerFiles tokenizerFiles =
                    HuggingFaceTokenizerFiles.read(directory, json, spec.vocabSize());
            return MappedModelFiles.open(
                    source,
                    spec,
                    tensors,
                    new StoredForm(family.huggingFaceOrder(), family.huggingFaceNormOffset()),
                    tokenizerFiles,
                    files.values().toArray(new MappedFile[0]));
        } catch (RuntimeException e) {
            files.values().forEach(MappedFile::close);
            throw e;
        }
    }

    private static Family family(JsonFile json) {
        String type = json.stringOr("model_type", "(missing)");
        return Families.ofHuggingFace(type)
                .orElseThrow(
                        () ->
                                new ModelFormatException(
                                        json.path()
                                                + ": model_type="
                                                + type
                                                + ", supported="
                                                + Families.huggingFaceTypes()));
    }

    /** Opens the weight files into {@code files}, by name. */
    private static Map<String, StoredTensor> tensors(
            Path directory, Map<String, MappedFile> files, UnaryOperator<String> canonicalName) {
        if (Files.exists(directory.resolve(SINGLE_FILE))) {
            files.put(SINGLE_FILE, MappedFile.open(directory.resolve(SINGLE_FILE)));
        } else if (Files.exists(directory.resolve(SHARD_INDEX))) {
            openShards(directory, files);
        } else {
            throw new ModelFormatException(
                    directory + " has no weights: neither " + SINGLE_FILE + " nor " + SHARD_INDEX);
        }
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        for (MappedFile file : files.values()) {
            for (StoredTensor tensor : SafetensorsFile.read(file, canonicalName)) {
                if (tensors.put(tensor.name(), tensor) != null) {
                    throw new ModelFormatException(
                            directory + ": tensor " + tensor.name() + " occurs twice");
                }
            }
        }
        return tensors;
    }

    private static void openShards(Path directory, Map<String, MappedFile> files) {
        JsonFile index = JsonFile.read(directory.resolve(SHARD_INDEX));
        for (JsonNode shard : index.get("weight_map")) {
            String name = shard.asText();
            if (files.containsKey(name)) {
                continue;
            }
            Path path = directory.resolve(name);
            if (!directory.equals(path.getParent()) || !Files.isRegularFile(path)) {
                throw new ModelFormatException(
                        directory
                                + ": shard "
                                + name
                                + ", which "
                                + SHARD_INDEX
                                + " names, is missing");
            }
            files.put(name, MappedFile.open(path));
        }
    }
}
