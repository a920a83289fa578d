// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.types;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.Prompt;
import org.millrace.schemas.Header;
import org.millrace.schemas.PromptRequest;
import org.millrace.schemas.RecordCodec;

/**
 * Reads the prompts of state format 4, which knew that they came from Kafka. Version 1: request
 * (Avro, single-object encoding), topic, partition int32, offset int64, timestamp int64, headers,
 * original value's prefix, length int64, SHA-256.
 *
 * <p>What only Kafka's side needs becomes the attachment: all but the request and the headers. The
 * position becomes the header that answers carry it in.
 */
public final class PromptEnvelopeSerializer
        extends FrameSerializer<PromptEnvelopeSerializer.StampedPrompt> {
    public static final PromptEnvelopeSerializer INSTANCE = new PromptEnvelopeSerializer();

    private static final long serialVersionUID = 1L;

    private static final String POSITION_HEADER = "millrace-prompt";

    /** A prompt with its event time, milliseconds since the epoch. */
    public record StampedPrompt(Prompt prompt, long timestampMillis) {}

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(StampedPrompt value, DataOutputView out) throws IOException {
        throw new IOException("state format 4 is read, never written");
    }

    @Override
    protected StampedPrompt read(int version, DataInputView in) throws IOException {
        PromptRequest request = RecordCodec.PROMPT_REQUEST.decode(Frames.readBytes(in));
        String topic = Frames.readString(in);
        int partition = in.readInt();
        long offset = in.readLong();
        long timestampMillis = in.readLong();
        List<Header> headers = new ArrayList<>(Frames.readHeaders(in));
        headers.removeIf(header -> header.getName().equals(POSITION_HEADER));
        String position = topic + "/" + partition + "/" + offset;
        headers.add(
                new Header(
                        POSITION_HEADER,
                        ByteBuffer.wrap(position.getBytes(StandardCharsets.UTF_8))));
        DataOutputSerializer attachment = new DataOutputSerializer(256);
        attachment.writeByte(1);
        Frames.writeString(topic, attachment);
        attachment.writeInt(partition);
        attachment.writeLong(offset);
        attachment.writeLong(timestampMillis);
        Frames.writeBytes(Frames.readBytes(in), attachment);
        attachment.writeLong(in.readLong());
        Frames.writeString(Frames.readString(in), attachment);
        return new StampedPrompt(
                new Prompt(request, headers, attachment.getCopyOfBuffer()), timestampMillis);
    }

    @Override
    public TypeSerializerSnapshot<StampedPrompt> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<StampedPrompt> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
