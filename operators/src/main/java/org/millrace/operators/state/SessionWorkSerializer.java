// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.state.SessionWork.Entry;
import org.millrace.operators.state.SessionWork.Kind;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.FrameSnapshot;
import org.millrace.operators.types.Frames;

/**
 * Reads {@code work} of state format 4. Version 2: next number int64, number of entries int32,
 * each: number int64, kind int8 (0 turn, 1 end of session, 2 rest), request id string, priority
 * int32, accepted int64.
 */
public final class SessionWorkSerializer extends FrameSerializer<SessionWork> {
    static final SessionWorkSerializer INSTANCE = new SessionWorkSerializer();

    private static final long serialVersionUID = 1L;

    private static final List<Kind> KINDS = List.of(Kind.TURN, Kind.END_SESSION, Kind.REST);

    @Override
    protected int version() {
        return 2;
    }

    @Override
    protected void write(SessionWork value, DataOutputView out) throws IOException {
        throw new IOException("state format 4 is read, never written");
    }

    @Override
    protected SessionWork read(int version, DataInputView in) throws IOException {
        in.readLong();
        int size = in.readInt();
        List<Entry> entries = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            long number = in.readLong();
            Kind kind = KINDS.get(in.readByte());
            Frames.readString(in);
            entries.add(new Entry(number, kind, in.readInt(), in.readLong()));
        }
        return new SessionWork(entries);
    }

    @Override
    public TypeSerializerSnapshot<SessionWork> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<SessionWork> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
