// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.types;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.schemas.Completion;
import org.millrace.schemas.RecordCodec;

/** Version 1: the record in Avro's single-object encoding, which names its schema. */
public final class CompletionSerializer extends FrameSerializer<Completion> {
    public static final CompletionSerializer INSTANCE = new CompletionSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(Completion value, DataOutputView out) throws IOException {
        Frames.writeBytes(RecordCodec.COMPLETION.encode(value), out);
    }

    @Override
    protected Completion read(int version, DataInputView in) throws IOException {
        return RecordCodec.COMPLETION.decode(Frames.readBytes(in));
    }

    @Override
    public TypeSerializerSnapshot<Completion> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<Completion> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
