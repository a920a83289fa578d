// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.io.IOException;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.types.FrameSerializer;
import org.millrace.operators.types.FrameSnapshot;
import org.millrace.operators.types.Frames;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.TokenDelta;

/** Version 1: kind int8, key, value (Avro, single-object encoding), headers. */
public final class OutputRecordSerializer extends FrameSerializer<OutputRecord> {
    public static final OutputRecordSerializer INSTANCE = new OutputRecordSerializer();

    private static final long serialVersionUID = 1L;

    private static final byte COMPLETION = 1;
    private static final byte TOKEN_DELTA = 2;
    private static final byte DEAD_LETTER = 3;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(OutputRecord record, DataOutputView out) throws IOException {
        SpecificRecord value = record.value();
        if (value instanceof Completion completion) {
            out.writeByte(COMPLETION);
            Frames.writeBytes(RecordCodec.COMPLETION.encode(completion), out);
        } else if (value instanceof TokenDelta token) {
            out.writeByte(TOKEN_DELTA);
            Frames.writeBytes(RecordCodec.TOKEN_DELTA.encode(token), out);
        } else if (value instanceof DeadLetter letter) {
            out.writeByte(DEAD_LETTER);
            Frames.writeBytes(RecordCodec.DEAD_LETTER.encode(letter), out);
        } else {
            throw new IOException("no output topic has records of " + value.getSchema().getName());
        }
        Frames.writeString(record.key(), out);
        Frames.writeHeaders(record.headers(), out);
    }

    @Override
    protected OutputRecord read(int version, DataInputView in) throws IOException {
        byte kind = in.readByte();
        byte[] encoded = Frames.readBytes(in);
        SpecificRecord value =
                switch (kind) {
                    case COMPLETION -> RecordCodec.COMPLETION.decode(encoded);
                    case TOKEN_DELTA -> RecordCodec.TOKEN_DELTA.decode(encoded);
                    case DEAD_LETTER -> RecordCodec.DEAD_LETTER.decode(encoded);
                    default -> throw new IOException("unknown kind of output record: kind=" + kind);
                };
        return new OutputRecord(Frames.readString(in), value, Frames.readHeaders(in));
    }

    @Override
    public TypeSerializerSnapshot<OutputRecord> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<OutputRecord> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
