// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.FrameSnapshot;

/** Version 1: head int64, next int64, requests int32, heap bytes int64, last end int64. */
public final class SessionQueueSerializer extends FrameSerializer<SessionQueue> {
    static final SessionQueueSerializer INSTANCE = new SessionQueueSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(SessionQueue value, DataOutputView out) throws IOException {
        out.writeLong(value.head());
        out.writeLong(value.next());
        out.writeInt(value.requests());
        out.writeLong(value.heapBytes());
        out.writeLong(value.lastEnd());
    }

    @Override
    protected SessionQueue read(int version, DataInputView in) throws IOException {
        return new SessionQueue(
                in.readLong(), in.readLong(), in.readInt(), in.readLong(), in.readLong());
    }

    @Override
    public TypeSerializerSnapshot<SessionQueue> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<SessionQueue> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
