// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Metadata and tensor directory of a GGUF file, version 2 or 3. Every length is checked against the
 * rest of the file before it is used, so that a truncated or hostile file ends in a {@link
 * ModelFormatException}.
 *
 * <pre>
 *   magic "GGUF" | u32 version | u64 tensorCount | u64 metadataCount
 *   metadataCount times:  string key | u32 valueType | value
 *   tensorCount times:    string name | u32 dimensions | u64 size[dimensions] | u32 type | u64 offset
 *   padding to the alignment, then tensor data
 * </pre>
 *
 * A string is a u64 length and its UTF-8 bytes; sizes come with the row length first.
 */
final class GgufHeader {
    private static final int MAGIC = 0x46554747;
    private static final int MAX_KEY_BYTES = 65_535;
    private static final int MAX_DIMENSIONS = 4;
    private static final int MIN_METADATA_BYTES = 8 + 4 + 1;
    private static final int MIN_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;
    private static final long DEFAULT_ALIGNMENT = 32;

    private final String source;
    private final ByteBuffer in;
    private final Map<String, Object> values = new LinkedHashMap<>();
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private long dataOffset;

    /**
     * A tensor as the directory lists it: sizes row length first, offset from the start of the
     * tensor data.
     */
    record Entry(String name, long[] sizes, int type, long offset) {}

    private GgufHeader(String source, ByteBuffer in) {
        this.source = source;
        this.in = in;
    }

    /**
     * Reads a header.
     *
     * @param source named in errors
     * @param file the file's bytes, or the first 2 GiB of them
     */
    static GgufHeader read(String source, ByteBuffer file) {
        GgufHeader header = new GgufHeader(source, file.duplicate().order(ByteOrder.LITTLE_ENDIAN));
        header.read();
        return header;
    }

    GgufMetadata metadata() {
        return new GgufMetadata(source, values);
    }

    Map<String, Entry> entries() {
        return entries;
    }

    /** Where tensor data starts in the file, in bytes. */
    long dataOffset() {
        return dataOffset;
    }

    private void read() {
        need(4, "magic");
        int magic = in.getInt();
        if (magic != MAGIC) {
            throw new ModelFormatException(
                    "%s is no GGUF file: magic=0x%08x, expected=0x%08x (\"GGUF\")"
                            .formatted(source, magic, MAGIC));
        }
        need(20, "header");
        int version = in.getInt();
        if (version != 2 && version != 3) {
            throw new ModelFormatException(
                    source
                            + ": GGUF version="
                            + Integer.toUnsignedString(version)
                            + ", supported=2 and 3");
        }
        int tensorCount = count("tensorCount", MIN_TENSOR_BYTES);
        int metadataCount = count("metadataCount", MIN_METADATA_BYTES);
        for (int i = 0; i < metadataCount; i++) {
            readMetadata();
        }
        for (int i = 0; i < tensorCount; i++) {
            readEntry();
        }
        long alignment = metadata().longOr("general.alignment", DEFAULT_ALIGNMENT);
        if (alignment < 1 || alignment > 1 << 20) {
            throw new ModelFormatException(
                    source + ": general.alignment=" + alignment + ", supported=1 to " + (1 << 20));
        }
        dataOffset = (in.position() + alignment - 1) / alignment * alignment;
    }

    private void readMetadata() {
        String key = string("metadata key", MAX_KEY_BYTES);
        need(4, "type of " + key);
        GgufValueType type = GgufValueType.of(in.getInt(), source + ": metadata " + key);
        if (values.put(key, value(key, type)) != null) {
            throw new ModelFormatException(source + ": metadata " + key + " occurs twice");
        }
    }

    private Object value(String key, GgufValueType type) {
        need(type.bytes(), key);
        return switch (type) {
            case UINT8 -> (long) Byte.toUnsignedInt(in.get());
            case INT8 -> (long) in.get();
            case UINT16 -> (long) Short.toUnsignedInt(in.getShort());
            case INT16 -> (long) in.getShort();
            case UINT32 -> Integer.toUnsignedLong(in.getInt());
            case INT32 -> (long) in.getInt();
            case UINT64, INT64 -> in.getLong();
            case FLOAT32 -> (double) in.getFloat();
            case FLOAT64 -> in.getDouble();
            case BOOL -> in.get() != 0;
            case STRING -> string(key, Integer.MAX_VALUE);
            case ARRAY -> array(key);
        };
    }

    private GgufArray array(String key) {
        need(12, "array " + key);
        GgufValueType element = GgufValueType.of(in.getInt(), source + ": metadata " + key);
        if (element == GgufValueType.ARRAY) {
            throw new ModelFormatException(
                    source + ": metadata " + key + " is an array of arrays, which no model needs");
        }
        int count =
                count("length of " + key, element == GgufValueType.STRING ? 8 : element.bytes());
        int start = in.position();
        if (element == GgufValueType.STRING) {
            for (int i = 0; i < count; i++) {
                skipString(key);
            }
        } else {
            in.position(start + count * element.bytes());
        }
        ByteBuffer data = in.slice(start, in.position() - start).order(ByteOrder.LITTLE_ENDIAN);
        return new GgufArray(source + ": metadata " + key, element, count, data);
    }

    private void readEntry() {
        String name = string("tensor name", MAX_KEY_BYTES);
        need(4, "dimensions of tensor " + name);
        int dimensions = in.getInt();
        if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
            throw new ModelFormatException(
                    source
                            + ": tensor "
                            + name
                            + " has dimensions="
                            + Integer.toUnsignedString(dimensions)
                            + ", supported=1 to "
                            + MAX_DIMENSIONS);
        }
        need(8 * dimensions + 12, "tensor " + name);
        long[] sizes = new long[dimensions];
        for (int d = 0; d < dimensions; d++) {
            sizes[d] = in.getLong();
        }
        Entry entry = new Entry(name, sizes, in.getInt(), in.getLong());
        if (entries.put(name, entry) != null) {
            throw new ModelFormatException(source + ": tensor " + name + " occurs twice");
        }
    }

    private String string(String what, int limit) {
        int length = stringLength(what);
        if (length > limit) {
            throw new ModelFormatException(
                    source + ": " + what + " has bytes=" + length + ", limit=" + limit);
        }
        byte[] utf8 = new byte[length];
        in.get(utf8);
        return new String(utf8, StandardCharsets.UTF_8);
    }

    private void skipString(String what) {
        int length = stringLength(what);
        in.position(in.position() + length);
    }

    private int stringLength(String what) {
        need(8, what);
        return count("length of " + what, 1);
    }

    /**
     * A count of things that take at least {@code minBytes} each: more than the file can hold is
     * refused.
     */
    private int count(String what, int minBytes) {
        long count = in.getLong();
        if (count < 0 || count > in.remaining() / minBytes) {
            throw new ModelFormatException(
                    source
                            + " is truncated or damaged: "
                            + what
                            + "="
                            + Long.toUnsignedString(count)
                            + " does not fit into bytesLeft="
                            + in.remaining()
                            + " at offset="
                            + in.position());
        }
        return (int) count;
    }

    private void need(int bytes, String what) {
        if (in.remaining() < bytes) {
            throw new ModelFormatException(
                    source
                            + " is truncated: "
                            + what
                            + " needs bytes="
                            + bytes
                            + " at offset="
                            + in.position()
                            + ", fileBytes="
                            + in.limit());
        }
    }
}
