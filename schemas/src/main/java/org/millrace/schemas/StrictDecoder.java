// SPDX-License-Identifier: Apache-2.0
package org.millrace.schemas;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.Decoder;
import org.apache.avro.util.Utf8;

/**
 * Reads Avro from strangers: a length is compared with what is left before memory is allocated for
 * it, and strings must be UTF-8 (Avro's own decoder allocates what it is told to, and replaces bad
 * bytes without a word).
 */
final class StrictDecoder extends Decoder {
    private final BinaryDecoder in;

    StrictDecoder(BinaryDecoder in) {
        this.in = in;
    }

    int remaining() throws IOException {
        return in.inputStream().available();
    }

    @Override
    public String readString() throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(readLengthAndBytes());
        return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    }

    @Override
    public Utf8 readString(Utf8 old) throws IOException {
        return new Utf8(readString());
    }

    @Override
    public void skipString() throws IOException {
        readString();
    }

    @Override
    public ByteBuffer readBytes(ByteBuffer old) throws IOException {
        return ByteBuffer.wrap(readLengthAndBytes());
    }

    @Override
    public void skipBytes() throws IOException {
        readLengthAndBytes();
    }

    private byte[] readLengthAndBytes() throws IOException {
        byte[] bytes = new byte[(int) bounded(in.readLong())];
        in.readFixed(bytes);
        return bytes;
    }

    /** Every item of our arrays takes at least a byte, so no honest count exceeds what is left. */
    private long bounded(long length) throws IOException {
        if (length < 0 || length > remaining()) {
            throw new EOFException("length=" + length + " exceeds remaining=" + remaining());
        }
        return length;
    }

    @Override
    public long readArrayStart() throws IOException {
        return bounded(in.readArrayStart());
    }

    @Override
    public long arrayNext() throws IOException {
        return bounded(in.arrayNext());
    }

    @Override
    public long skipArray() throws IOException {
        return bounded(in.skipArray());
    }

    @Override
    public long readMapStart() throws IOException {
        return bounded(in.readMapStart());
    }

    @Override
    public long mapNext() throws IOException {
        return bounded(in.mapNext());
    }

    @Override
    public long skipMap() throws IOException {
        return bounded(in.skipMap());
    }

    @Override
    public void readNull() throws IOException {
        in.readNull();
    }

    @Override
    public boolean readBoolean() throws IOException {
        return in.readBoolean();
    }

    @Override
    public int readInt() throws IOException {
        return in.readInt();
    }

    @Override
    public long readLong() throws IOException {
        return in.readLong();
    }

    @Override
    public float readFloat() throws IOException {
        return in.readFloat();
    }

    @Override
    public double readDouble() throws IOException {
        return in.readDouble();
    }

    @Override
    public void readFixed(byte[] bytes, int start, int length) throws IOException {
        in.readFixed(bytes, start, length);
    }

    @Override
    public void skipFixed(int length) throws IOException {
        in.skipFixed(length);
    }

    @Override
    public int readEnum() throws IOException {
        return in.readEnum();
    }

    @Override
    public int readIndex() throws IOException {
        return in.readIndex();
    }
}
