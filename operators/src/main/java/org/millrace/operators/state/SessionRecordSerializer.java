// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.io.IOException;
import java.util.List;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.engine.batch.SessionTurn;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.Frames;

/**
 * Version 2: tokens int32[], answered request ids string[], model fingerprint string, then {@link
 * SessionTurn#writeAll turns}. Version 1 had no turns: nothing was compressed.
 */
public final class SessionRecordSerializer extends FrameSerializer<SessionRecord> {
    static final SessionRecordSerializer INSTANCE = new SessionRecordSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 2;
    }

    @Override
    protected void write(SessionRecord value, DataOutputView out) throws IOException {
        Frames.writeInts(value.transcript().tokens(), out);
        Frames.writeStrings(value.answeredRequests(), out);
        Frames.writeString(value.modelFingerprint(), out);
        SessionTurn.writeAll(value.transcript().turns(), out);
    }

    @Override
    protected SessionRecord read(int version, DataInputView in) throws IOException {
        int[] tokens = Frames.readInts(in);
        List<String> answeredRequests = Frames.readStrings(in);
        String modelFingerprint = Frames.readString(in);
        List<SessionTurn> turns =
                version == 1
                        ? List.of(new SessionTurn(0, tokens.length, 0, Retention.FULL))
                        : SessionTurn.readAll(in);
        return new SessionRecord(new Transcript(tokens, turns), answeredRequests, modelFingerprint);
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
