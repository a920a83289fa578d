package org.millrace.operators.state;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.Frames;

/** Version 1: tokens int32[], answered request ids string[], model fingerprint string. */
public final class SessionRecordSerializer extends FrameSerializer<SessionRecord> {
    static final SessionRecordSerializer INSTANCE = new SessionRecordSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(SessionRecord value, DataOutputView out) throws IOException {
        Frames.writeInts(value.tokens(), out);
        Frames.writeStrings(value.answeredRequests(), out);
        Frames.writeString(value.modelFingerprint(), out);
    }

    @Override
    protected SessionRecord read(int version, DataInputView in) throws IOException {
        return new SessionRecord(
                Frames.readInts(in), Frames.readStrings(in), Frames.readString(in));
    }

    @Override
    public TypeSerializerSnapshot<SessionRecord> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Always compatible: the frame carries its version. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<SessionRecord> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
