// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.apache.avro.SchemaCompatibility.SchemaPairCompatibility;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.message.RawMessageEncoder;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.schemas.RecordFormatException.Problem;

/**
 * A record on a topic, in Avro's single-object encoding:
 *
 * <pre>
 *   0     1     2                           10
 *   +-----+-----+---------------------------+------------------+
 *   | C3  | 01  | CRC-64-AVRO of the schema | binary Avro      |
 *   |     |     | (little endian)           |                  |
 *   +-----+-----+---------------------------+------------------+
 * </pre>
 *
 * Reads every version whose schema is kept as the resource {@code history/NAME-VERSION.avsc}.
 * Thread safe.
 *
 * @param <T> the record
 */
public final class RecordCodec<T extends SpecificRecord> {
    public static final RecordCodec<PromptRequest> PROMPT_REQUEST =
            new RecordCodec<>(PromptRequest.getClassSchema());
    public static final RecordCodec<TokenDelta> TOKEN_DELTA =
            new RecordCodec<>(TokenDelta.getClassSchema());
    public static final RecordCodec<Completion> COMPLETION =
            new RecordCodec<>(Completion.getClassSchema());
    public static final RecordCodec<DeadLetter> DEAD_LETTER =
            new RecordCodec<>(DeadLetter.getClassSchema());

    private static final int HEADER_BYTES = 10;
    private static final byte MARKER = (byte) 0xC3;
    private static final byte FORMAT_VERSION = 1;

    private final Schema schema;
    private final Map<Long, Schema> writers = new HashMap<>();
    private final byte[] header;
    private final RawMessageEncoder<T> encoder;

    private RecordCodec(Schema schema) {
        this.schema = schema;
        this.header =
                ByteBuffer.allocate(HEADER_BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .put(MARKER)
                        .put(FORMAT_VERSION)
                        .putLong(SchemaNormalization.parsingFingerprint64(schema))
                        .array();
        this.encoder = new RawMessageEncoder<>(SpecificData.get(), schema);
        for (int version = 1; ; version++) {
            Schema earlier = history(schema.getName(), version);
            if (earlier == null) {
                break;
            }
            addWriter(earlier);
        }
        addWriter(schema);
    }

    private void addWriter(Schema writer) {
        writers.put(SchemaNormalization.parsingFingerprint64(writer), writer);
    }

    /** The schema of an earlier version, or null if there is none of this number. */
    static Schema history(String name, int version) {
        String resource = "history/" + name + "-" + version + ".avsc";
        try (InputStream in = RecordCodec.class.getResourceAsStream(resource)) {
            return in == null ? null : new Schema.Parser().parse(in);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + resource, e);
        }
    }

    /** The record's name. */
    public String name() {
        return schema.getName();
    }

    /** The newest schema as JSON. */
    public String schemaText() {
        return schema.toString();
    }

    /** The record with its header, in a new array. */
    public byte[] encode(T value) {
        return encode(header, value);
    }

    /** The record after another header, in a new array. */
    byte[] encode(byte[] otherHeader, T value) {
        try {
            ByteBuffer body = encoder.encode(value);
            byte[] bytes = Arrays.copyOf(otherHeader, otherHeader.length + body.remaining());
            body.get(bytes, otherHeader.length, body.remaining());
            return bytes;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot encode " + name(), e);
        }
    }

    /**
     * Reads a record of this or an earlier version.
     *
     * @throws RecordFormatException whatever else the bytes may be
     */
    public T decode(byte[] bytes) throws RecordFormatException {
        return decode(bytes, HEADER_BYTES, writerOf(bytes));
    }

    /** Reads a record of any schema that {@link #writer} has returned, after a header. */
    T decode(byte[] bytes, int headerBytes, Schema writer) throws RecordFormatException {
        StrictDecoder in =
                new StrictDecoder(
                        DecoderFactory.get()
                                .binaryDecoder(
                                        bytes, headerBytes, bytes.length - headerBytes, null));
        try {
            T value = new SpecificDatumReader<T>(writer, schema).read(null, in);
            if (in.remaining() > 0) {
                throw malformed("trailingBytes=" + in.remaining() + ", expected 0");
            }
            return value;
        } catch (CharacterCodingException e) {
            throw new RecordFormatException(
                    Problem.INVALID_UTF8, "a string of " + schema.getName() + " is not UTF-8");
        } catch (RecordFormatException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // Avro tells of damage by half a dozen unrelated exceptions, unchecked ones among them.
            throw malformed(e.getMessage());
        } catch (StackOverflowError e) {
            // A stranger's schema may contain itself, and so its records any depth.
            throw malformed("nested too deeply");
        }
    }

    /**
     * A schema by which records of this kind can be read.
     *
     * @param name of the schema, for messages
     * @throws RecordFormatException if they cannot
     */
    Schema writer(String text, String name) throws RecordFormatException {
        Schema.Parser parser = new Schema.Parser();
        // Only readers need defaults.
        parser.setValidateDefaults(false);
        try {
            Schema writer = parser.parse(text);
            SchemaPairCompatibility pair =
                    SchemaCompatibility.checkReaderWriterCompatibility(schema, writer);
            if (pair.getType() == SchemaCompatibilityType.COMPATIBLE) {
                return writer;
            }
            throw incompatible(name, pair.getResult().getIncompatibilities().get(0).getMessage());
        } catch (AvroRuntimeException e) {
            throw incompatible(name, e.getMessage());
        }
    }

    private RecordFormatException incompatible(String name, String detail) {
        return new RecordFormatException(
                Problem.INCOMPATIBLE_SCHEMA,
                name + " is not readable as " + name() + ": " + detail);
    }

    static boolean isSingleObject(byte[] bytes) {
        return bytes.length >= HEADER_BYTES && bytes[0] == MARKER && bytes[1] == FORMAT_VERSION;
    }

    private Schema writerOf(byte[] bytes) throws RecordFormatException {
        if (!isSingleObject(bytes)) {
            throw new RecordFormatException(
                    Problem.NOT_AVRO,
                    "length="
                            + bytes.length
                            + ", expected C3 01, a schema's fingerprint and "
                            + schema.getName());
        }
        long fingerprint = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(2);
        Schema writer = writers.get(fingerprint);
        if (writer == null) {
            throw new RecordFormatException(
                    Problem.UNKNOWN_SCHEMA,
                    String.format(
                            "schema fingerprint=%016x is no version of %s",
                            fingerprint, schema.getName()));
        }
        return writer;
    }

    private RecordFormatException malformed(String detail) {
        return new RecordFormatException(
                Problem.MALFORMED, "malformed " + schema.getName() + ": " + detail);
    }
}
