// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.schemas.RecordFormatException.Problem;

/**
 * The wire format of Confluent's serializers:
 *
 * <pre>
 *   0     1                  5
 *   +-----+------------------+------------------+
 *   | 00  | id of the schema | binary Avro      |
 *   |     | (big endian)     |                  |
 *   +-----+------------------+------------------+
 * </pre>
 *
 * Also reads {@link WireFormat#SINGLE_OBJECT}, so that a topic's older records stay readable when
 * the format changes. Each writer's schema is asked for once, and again after deserialization.
 */
public final class ConfluentFormat implements WireFormat {
    private static final long serialVersionUID = 1L;
    private static final int HEADER_BYTES = 5;
    private static final byte MAGIC = 0;

    /** A writer's schema that a record's codec can read. */
    private record Writer(String record, int id) {}

    private final SchemaTexts schemas;
    private final Map<String, Integer> ids;
    private final transient Map<Writer, Schema> writers = new ConcurrentHashMap<>();

    /**
     * @param ids of the schemas of those records that are written, by {@link RecordCodec#name}
     */
    public ConfluentFormat(SchemaTexts schemas, Map<String, Integer> ids) {
        this.schemas = schemas;
        this.ids = ids;
    }

    private Object readResolve() {
        return new ConfluentFormat(schemas, ids);
    }

    @Override
    public <T extends SpecificRecord> byte[] encode(RecordCodec<T> codec, T value) {
        Integer id = ids.get(codec.name());
        if (id == null) {
            throw new IllegalStateException(codec.name() + " has no registered schema");
        }
        return codec.encode(ByteBuffer.allocate(HEADER_BYTES).put(MAGIC).putInt(id).array(), value);
    }

    @Override
    public <T extends SpecificRecord> T decode(RecordCodec<T> codec, byte[] bytes)
            throws IOException {
        if (RecordCodec.isSingleObject(bytes)) {
            return codec.decode(bytes);
        }
        if (bytes.length < HEADER_BYTES || bytes[0] != MAGIC) {
            throw new RecordFormatException(
                    Problem.NOT_AVRO,
                    "length="
                            + bytes.length
                            + ", expected 00, a schema's id and "
                            + codec.name()
                            + ", or single-object encoding");
        }
        return codec.decode(bytes, HEADER_BYTES, writer(codec, ByteBuffer.wrap(bytes).getInt(1)));
    }

    private Schema writer(RecordCodec<?> codec, int id) throws IOException {
        Writer key = new Writer(codec.name(), id);
        Schema writer = writers.get(key);
        if (writer == null) {
            String text = schemas.text(id);
            if (text == null) {
                throw new RecordFormatException(
                        Problem.UNKNOWN_SCHEMA, "schema id=" + id + " is not registered");
            }
            writer = codec.writer(text, "schema id=" + id);
            writers.put(key, writer);
        }
        return writer;
    }
}
