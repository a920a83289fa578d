// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

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
        ModelConfig config = HuggingFaceConfig.read(source, json);
        TokenizerFiles tokenizerFiles =
                HuggingFaceTokenizerFiles.read(directory, json, config.vocabSize());
        Map<String, MappedFile> files = new TreeMap<>();
        try {
            Map<String, StoredTensor> tensors = tensors(directory, files);
            if (json.booleanOr("tie_word_embeddings", false)) {
                tensors.remove(ModelTensors.OUTPUT);
            } else if (!tensors.containsKey(ModelTensors.OUTPUT)) {
                throw new ModelFormatException(
                        source
                                + ": tensor lm_head.weight is missing, and tie_word_embeddings=false");
            }
            ModelTensors.check(source, config, tensors);
            return MappedModelFiles.open(
                    source,
                    config,
                    tensors,
                    RowOrder.HALF_SPLIT,
                    tokenizerFiles,
                    files.values().toArray(new MappedFile[0]));
        } catch (RuntimeException e) {
            files.values().forEach(MappedFile::close);
            throw e;
        }
    }

    /** Opens the weight files into {@code files}, by name. */
    private static Map<String, StoredTensor> tensors(
            Path directory, Map<String, MappedFile> files) {
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
            for (StoredTensor tensor : SafetensorsFile.read(file)) {
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
