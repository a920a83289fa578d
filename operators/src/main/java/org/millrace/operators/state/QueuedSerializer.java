// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.state;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.FrameSnapshot;
import org.millrace.operators.types.PromptSerializer;

/**
 * Version 1: kind int8, accepted int64; then of a turn (0) its timestamp int64 and the prompt, of a
 * rest (1) its priority int32, of an end (2) nothing.
 */
public final class QueuedSerializer extends FrameSerializer<Queued> {
    static final QueuedSerializer INSTANCE = new QueuedSerializer();

    private static final long serialVersionUID = 1L;

    private static final byte TURN = 0;
    private static final byte REST = 1;
    private static final byte END = 2;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(Queued value, DataOutputView out) throws IOException {
        if (value instanceof Queued.Turn turn) {
            out.writeByte(TURN);
            out.writeLong(turn.acceptedMillis());
            out.writeLong(turn.timestampMillis());
            PromptSerializer.INSTANCE.serialize(turn.prompt(), out);
        } else if (value instanceof Queued.Rest rest) {
            out.writeByte(REST);
            out.writeLong(rest.acceptedMillis());
            out.writeInt(rest.priority());
        } else {
            out.writeByte(END);
            out.writeLong(value.acceptedMillis());
        }
    }

    @Override
    protected Queued read(int version, DataInputView in) throws IOException {
        byte kind = in.readByte();
        long acceptedMillis = in.readLong();
        return switch (kind) {
            case TURN -> {
                long timestampMillis = in.readLong();
                yield new Queued.Turn(
                        PromptSerializer.INSTANCE.deserialize(in), acceptedMillis, timestampMillis);
            }
            case REST -> new Queued.Rest(in.readInt(), acceptedMillis);
            case END -> new Queued.End(acceptedMillis);
            default -> throw new IOException("unknown kind of queued request: kind=" + kind);
        };
    }

    @Override
    public TypeSerializerSnapshot<Queued> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<Queued> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
