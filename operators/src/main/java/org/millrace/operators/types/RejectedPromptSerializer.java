// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.types;

import java.io.IOException;
import java.util.Locale;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.millrace.operators.DeadLetterReason;
import org.millrace.operators.Prompt;
import org.millrace.operators.RejectedPrompt;

/** Version 1: prompt, reason's code, detail, partial text. */
public final class RejectedPromptSerializer extends FrameSerializer<RejectedPrompt> {
    public static final RejectedPromptSerializer INSTANCE = new RejectedPromptSerializer();

    private static final long serialVersionUID = 1L;

    @Override
    protected int version() {
        return 1;
    }

    @Override
    protected void write(RejectedPrompt value, DataOutputView out) throws IOException {
        PromptSerializer.INSTANCE.serialize(value.prompt(), out);
        Frames.writeString(value.reason().code(), out);
        Frames.writeString(value.detail(), out);
        Frames.writeString(value.partialText(), out);
    }

    @Override
    protected RejectedPrompt read(int version, DataInputView in) throws IOException {
        Prompt prompt = PromptSerializer.INSTANCE.deserialize(in);
        String reason = Frames.readString(in).toUpperCase(Locale.ROOT);
        return new RejectedPrompt(
                prompt,
                DeadLetterReason.valueOf(reason),
                Frames.readString(in),
                Frames.readString(in));
    }

    @Override
    public TypeSerializerSnapshot<RejectedPrompt> snapshotConfiguration() {
        return new Snapshot();
    }

    /** The frame version in a checkpoint. */
    public static final class Snapshot extends FrameSnapshot<RejectedPrompt> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}
