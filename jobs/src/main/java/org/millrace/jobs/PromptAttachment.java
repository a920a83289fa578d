// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.millrace.operators.types.Frames;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;

/**
 * What a dead letter needs to know of a prompt's Kafka record, carried with the prompt as {@link
 * org.millrace.operators.Prompt#attachment()}:
 *
 * <pre>
 *   version int8, topic, partition int32, offset int64, timestamp int64,
 *   version 1: original value's prefix, length int64, SHA-256
 *   version 2: nothing: the original value is the request in single-object encoding
 * </pre>
 *
 * Version 2 is the usual one, and saves to keep a prompt twice while it waits.
 *
 * @param origin without headers, which the prompt has
 */
public record PromptAttachment(Origin origin, OriginalValue original) {
    private static final byte WITH_ORIGINAL = 1;
    private static final byte ORIGINAL_IS_REQUEST = 2;

    /** As bytes, for the prompt of this request. */
    public byte[] encode(PromptRequest request) {
        boolean isRequest =
                Arrays.equals(RecordCodec.PROMPT_REQUEST.encode(request), original.prefix());
        DataOutputSerializer out = new DataOutputSerializer(128);
        try {
            out.writeByte(isRequest ? ORIGINAL_IS_REQUEST : WITH_ORIGINAL);
            Frames.writeString(origin.topic(), out);
            out.writeInt(origin.partition());
            out.writeLong(origin.offset());
            out.writeLong(origin.timestampMillis());
            if (!isRequest) {
                Frames.writeBytes(original.prefix(), out);
                out.writeLong(original.length());
                Frames.writeString(original.sha256(), out);
            }
            return out.getCopyOfBuffer();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot encode an attachment", e);
        }
    }

    /** Reads what {@link #encode} wrote for the request. */
    static PromptAttachment decode(byte[] attachment, PromptRequest request) {
        DataInputDeserializer in = new DataInputDeserializer(attachment);
        try {
            byte version = in.readByte();
            Origin origin =
                    new Origin(
                            Frames.readString(in),
                            in.readInt(),
                            in.readLong(),
                            in.readLong(),
                            List.of());
            OriginalValue original =
                    switch (version) {
                        case WITH_ORIGINAL ->
                                new OriginalValue(
                                        Frames.readBytes(in), in.readLong(), Frames.readString(in));
                        case ORIGINAL_IS_REQUEST ->
                                OriginalValue.of(RecordCodec.PROMPT_REQUEST.encode(request));
                        default -> throw new IOException("unknown version=" + version);
                    };
            return new PromptAttachment(origin, original);
        } catch (IOException e) {
            throw new UncheckedIOException("a prompt's attachment cannot be read", e);
        }
    }
}
