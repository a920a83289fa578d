// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.Frames;

/** Version 1: topic string, partition int32, timestamp int64, timer int64. */
public final class LastPromptSerializer extends FrameSerializer<LastPrompt> {
    static final LastPromptSerializer INSTANCE = new LastPromptSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(LastPrompt value, DataOutputView out) throws IOException {
        Frames.writeString(value.topic(), out);
        out.writeInt(value.partition());
        out.writeLong(value.timestampMillis());
        out.writeLong(value.timerMillis());
    }

    @Override
    protected LastPrompt read(int version, DataInputView in) throws IOException {
        return new LastPrompt(Frames.readString(in), in.readInt(), in.readLong(), in.readLong());
    }

    @Override
    public TypeSerializerSnapshot<LastPrompt> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Always compatible: the frame carries its version. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<LastPrompt> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
