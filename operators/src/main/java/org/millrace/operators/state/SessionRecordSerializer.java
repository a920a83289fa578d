// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.engine.batch.SessionTurn;
import org.millrace.engine.batch.Transcript;
import org.millrace.operators.state.SessionRecord.Answered;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.FrameSnapshot;
import org.millrace.operators.types.Frames;

/**
 * Version 3: tokens int32[], number of answered requests int32, each: id string, bytes int32; model
 * fingerprint string, then {@link SessionTurn#writeAll turns}. Version 2, of state format 4, had
 * ids without bytes.
 */
public final class SessionRecordSerializer extends FrameSerializer<SessionRecord> {
    static final SessionRecordSerializer INSTANCE = new SessionRecordSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 3;
    }

    @Override
    protected int oldestVersion() {
        return 2;
    }

    @Override
    protected void write(SessionRecord value, DataOutputView out) throws IOException {
        Frames.writeInts(value.transcript().tokens(), out);
        out.writeInt(value.answered().size());
        for (Answered answered : value.answered()) {
            Frames.writeString(answered.requestId(), out);
            out.writeInt(answered.bytes());
        }
        Frames.writeString(value.modelFingerprint(), out);
        SessionTurn.writeAll(value.transcript().turns(), out);
    }

    @Override
    protected SessionRecord read(int version, DataInputView in) throws IOException {
        int[] tokens = Frames.readInts(in);
        int size = in.readInt();
        List<Answered> answered = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            String requestId = Frames.readString(in);
            answered.add(new Answered(requestId, version == 2 ? 0 : in.readInt()));
        }
        String modelFingerprint = Frames.readString(in);
        List<SessionTurn> turns = SessionTurn.readAll(in);
        return new SessionRecord(new Transcript(tokens, turns), answered, modelFingerprint);
    }

    @Override
    public TypeSerializerSnapshot<SessionRecord> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<SessionRecord> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
