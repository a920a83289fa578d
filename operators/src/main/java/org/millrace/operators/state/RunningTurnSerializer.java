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
 * Version 1: sequence bytes (with a version of their own), most positions int32, model fingerprint
 * string, started int64, first token int64.
 */
public final class RunningTurnSerializer extends FrameSerializer<RunningTurn> {
    static final RunningTurnSerializer INSTANCE = new RunningTurnSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(RunningTurn value, DataOutputView out) throws IOException {
        Frames.writeBytes(value.sequence(), out);
        out.writeInt(value.positions());
        Frames.writeString(value.modelFingerprint(), out);
        out.writeLong(value.startedMillis());
        out.writeLong(value.firstTokenMillis());
    }

    @Override
    protected RunningTurn read(int version, DataInputView in) throws IOException {
        return new RunningTurn(
                Frames.readBytes(in),
                in.readInt(),
                Frames.readString(in),
                in.readLong(),
                in.readLong());
    }

    @Override
    public TypeSerializerSnapshot<RunningTurn> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<RunningTurn> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
