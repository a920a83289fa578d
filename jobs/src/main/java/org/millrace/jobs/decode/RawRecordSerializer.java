// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs.decode;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.jobs.Origin;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.FrameSnapshot;
import org.millrace.operators.types.Frames;

/** Version 1: key, value, topic, partition int32, offset int64, timestamp int64, headers. */
public final class RawRecordSerializer extends FrameSerializer<RawRecord> {
    public static final RawRecordSerializer INSTANCE = new RawRecordSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(RawRecord value, DataOutputView out) throws IOException {
        Frames.writeBytes(value.key(), out);
        Frames.writeBytes(value.value(), out);
        Origin origin = value.origin();
        Frames.writeString(origin.topic(), out);
        out.writeInt(origin.partition());
        out.writeLong(origin.offset());
        out.writeLong(origin.timestampMillis());
        Frames.writeHeaders(origin.headers(), out);
    }

    @Override
    protected RawRecord read(int version, DataInputView in) throws IOException {
        return new RawRecord(
                Frames.readBytes(in),
                Frames.readBytes(in),
                new Origin(
                        Frames.readString(in),
                        in.readInt(),
                        in.readLong(),
                        in.readLong(),
                        Frames.readHeaders(in)));
    }

    @Override
    public TypeSerializerSnapshot<RawRecord> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<RawRecord> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
