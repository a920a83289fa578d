// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.millrace.engine.tensor.TensorType;

/**
 * The directory of a safetensors file: a u64 length, a JSON object of that many bytes that gives
 * type, shape and byte range of each tensor, then the tensors' bytes.
 */
final class SafetensorsFile {
    private static final int LENGTH_BYTES = 8;
    private static final long MAX_HEADER_BYTES = 100_000_000;

    private static final Map<String, TensorType> TYPES =
            Map.of("F32", TensorType.F32, "F16", TensorType.F16, "BF16", TensorType.BF16);

    private SafetensorsFile() {}

    /**
     * All tensors of a file; buffers that every model can recompute are left out.
     *
     * @param canonicalName gives the name that a tensor has in GGUF
     */
    static List<StoredTensor> read(MappedFile file, UnaryOperator<String> canonicalName) {
        long headerBytes =
                file.slice(0, LENGTH_BYTES, "the length of the safetensors header").getLong();
        if (headerBytes < 2
                || headerBytes > MAX_HEADER_BYTES
                || headerBytes > file.size() - LENGTH_BYTES) {
            throw new ModelFormatException(
                    file.path()
                            + " is no safetensors file, or truncated: headerBytes="
                            + Long.toUnsignedString(headerBytes)
                            + ", limit="
                            + Math.min(MAX_HEADER_BYTES, file.size() - LENGTH_BYTES));
        }
        ByteBuffer utf8 = file.slice(LENGTH_BYTES, headerBytes, "the safetensors header");
        JsonFile header =
                JsonFile.parse(file.path(), StandardCharsets.UTF_8.decode(utf8).toString());
        List<StoredTensor> tensors = new ArrayList<>();
        for (Map.Entry<String, JsonNode> entry : header.root().properties()) {
            String name = entry.getKey();
            if (!name.equals("__metadata__") && !name.endsWith("rotary_emb.inv_freq")) {
                tensors.add(
                        stored(
                                file,
                                LENGTH_BYTES + headerBytes,
                                name,
                                canonicalName.apply(name),
                                entry.getValue()));
            }
        }
        refuseOverlaps(file, tensors);
        return tensors;
    }

    private static StoredTensor stored(
            MappedFile file, long dataStart, String name, String canonicalName, JsonNode node) {
        String where = "tensor " + name + " of " + file.path();
        TensorType type = TYPES.get(node.path("dtype").asText());
        if (type == null) {
            throw new ModelFormatException(
                    where + " has dtype=" + node.path("dtype") + ", supported=F32, F16, BF16");
        }
        long[] shape = longs(where, "shape", node.path("shape"));
        long[] range = longs(where, "data_offsets", node.path("data_offsets"));
        long dataBytes = file.size() - dataStart;
        if (range.length != 2 || range[0] > range[1] || range[1] > dataBytes) {
            throw new ModelFormatException(
                    where
                            + ": data_offsets="
                            + node.path("data_offsets")
                            + ", must be a start and an end within dataBytes="
                            + dataBytes
                            + "; the file is truncated or damaged");
        }
        StoredTensor tensor =
                StoredTensor.checked(canonicalName, name, type, shape, file, dataStart + range[0]);
        if (tensor.byteSize() != range[1] - range[0]) {
            throw new ModelFormatException(
                    where
                            + ": data_offsets="
                            + node.path("data_offsets")
                            + ", but its shape takes bytes="
                            + tensor.byteSize());
        }
        return tensor;
    }

    private static long[] longs(String where, String field, JsonNode array) {
        long[] values = new long[array.size()];
        for (int i = 0; i < values.length; i++) {
            JsonNode value = array.get(i);
            if (value == null
                    || !value.canConvertToLong()
                    || !value.isIntegralNumber()
                    || value.longValue() < 0) {
                throw new ModelFormatException(
                        where + ": " + field + "=" + array + ", must be integers from 0");
            }
            values[i] = value.longValue();
        }
        return values;
    }

    private static void refuseOverlaps(MappedFile file, List<StoredTensor> tensors) {
        List<StoredTensor> sorted = new ArrayList<>(tensors);
        sorted.sort(Comparator.comparingLong(StoredTensor::offset));
        for (int i = 1; i < sorted.size(); i++) {
            StoredTensor before = sorted.get(i - 1);
            if (before.offset() + before.byteSize() > sorted.get(i).offset()) {
                throw new ModelFormatException(
                        file.path()
                                + " is damaged: tensors "
                                + before.name()
                                + " and "
                                + sorted.get(i).name()
                                + " overlap at offset="
                                + sorted.get(i).offset());
            }
        }
    }
}
