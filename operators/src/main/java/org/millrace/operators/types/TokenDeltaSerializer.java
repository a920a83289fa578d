// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.types;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.TokenDelta;

/** Version 1: the record in Avro's single-object encoding, which names its schema. */
public final class TokenDeltaSerializer extends FrameSerializer<TokenDelta> {
    public static final TokenDeltaSerializer INSTANCE = new TokenDeltaSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(TokenDelta value, DataOutputView out) throws IOException {
        Frames.writeBytes(RecordCodec.TOKEN_DELTA.encode(value), out);
    }

    @Override
    protected TokenDelta read(int version, DataInputView in) throws IOException {
        return RecordCodec.TOKEN_DELTA.decode(Frames.readBytes(in));
    }

    @Override
    public TypeSerializerSnapshot<TokenDelta> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<TokenDelta> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
