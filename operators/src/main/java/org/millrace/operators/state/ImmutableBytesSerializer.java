// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.FrameSnapshot;
import org.millrace.operators.types.Frames;

/** Version 1: length int32, bytes. */
public final class ImmutableBytesSerializer extends FrameSerializer<ImmutableBytes> {
    static final ImmutableBytesSerializer INSTANCE = new ImmutableBytesSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(ImmutableBytes value, DataOutputView out) throws IOException {
        Frames.writeBytes(value.array(), out);
    }

    @Override
    protected ImmutableBytes read(int version, DataInputView in) throws IOException {
        return new ImmutableBytes(Frames.readBytes(in));
    }

    @Override
    public TypeSerializerSnapshot<ImmutableBytes> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<ImmutableBytes> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
