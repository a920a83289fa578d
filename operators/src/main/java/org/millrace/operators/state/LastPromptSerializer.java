// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.FrameSnapshot;
import org.millrace.operators.types.Frames;

/**
 * Version 2: timestamp int64, timer int64. Version 1, of state format 4, had topic string and
 * partition int32 before them, and a timer by the wall clock, which is not read.
 */
public final class LastPromptSerializer extends FrameSerializer<LastPrompt> {
    static final LastPromptSerializer INSTANCE = new LastPromptSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 2;
    }

    @Override
    protected int oldestVersion() {
        return 1;
    }

    @Override
    protected void write(LastPrompt value, DataOutputView out) throws IOException {
        out.writeLong(value.timestampMillis());
        out.writeLong(value.timerMillis());
    }

    @Override
    protected LastPrompt read(int version, DataInputView in) throws IOException {
        if (version == 1) {
            Frames.readString(in);
            in.readInt();
        }
        long timestampMillis = in.readLong();
        long timerMillis = in.readLong();
        return new LastPrompt(timestampMillis, version == 1 ? 0 : timerMillis);
    }

    @Override
    public TypeSerializerSnapshot<LastPrompt> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<LastPrompt> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
