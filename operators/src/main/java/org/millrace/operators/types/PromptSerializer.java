// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.types;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.Prompt;
import org.millrace.schemas.RecordCodec;

/** Version 1: request (Avro, single-object encoding), headers, attachment bytes. */
public final class PromptSerializer extends FrameSerializer<Prompt> {
    public static final PromptSerializer INSTANCE = new PromptSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(Prompt value, DataOutputView out) throws IOException {
        Frames.writeBytes(RecordCodec.PROMPT_REQUEST.encode(value.request()), out);
        Frames.writeHeaders(value.headers(), out);
        Frames.writeBytes(value.attachment(), out);
    }

    @Override
    protected Prompt read(int version, DataInputView in) throws IOException {
        return new Prompt(
                RecordCodec.PROMPT_REQUEST.decode(Frames.readBytes(in)),
                Frames.readHeaders(in),
                Frames.readBytes(in));
    }

    @Override
    public TypeSerializerSnapshot<Prompt> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<Prompt> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
