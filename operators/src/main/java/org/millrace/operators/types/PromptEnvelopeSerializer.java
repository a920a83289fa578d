// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.types;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.Origin;
import org.millrace.operators.OriginalValue;
import org.millrace.operators.PromptEnvelope;
import org.millrace.schemas.RecordCodec;

/**
 * Version 1: request (Avro, single-object encoding), topic, partition int32, offset int64,
 * timestamp int64, headers, original value's prefix, length int64, SHA-256.
 */
public final class PromptEnvelopeSerializer extends FrameSerializer<PromptEnvelope> {
    public static final PromptEnvelopeSerializer INSTANCE = new PromptEnvelopeSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(PromptEnvelope value, DataOutputView out) throws IOException {
        Frames.writeBytes(RecordCodec.PROMPT_REQUEST.encode(value.request()), out);
        Origin origin = value.origin();
        Frames.writeString(origin.topic(), out);
        out.writeInt(origin.partition());
        out.writeLong(origin.offset());
        out.writeLong(origin.timestampMillis());
        Frames.writeHeaders(origin.headers(), out);
        Frames.writeBytes(value.original().prefix(), out);
        out.writeLong(value.original().length());
        Frames.writeString(value.original().sha256(), out);
    }

    @Override
    protected PromptEnvelope read(int version, DataInputView in) throws IOException {
        return new PromptEnvelope(
                RecordCodec.PROMPT_REQUEST.decode(Frames.readBytes(in)),
                new Origin(
                        Frames.readString(in),
                        in.readInt(),
                        in.readLong(),
                        in.readLong(),
                        Frames.readHeaders(in)),
                new OriginalValue(Frames.readBytes(in), in.readLong(), Frames.readString(in)));
    }

    @Override
    public TypeSerializerSnapshot<PromptEnvelope> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Always compatible: the frame carries its version. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<PromptEnvelope> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
