// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.types;

import java.io.IOException;
import java.util.function.Supplier;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSchemaCompatibility;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * What a checkpoint says of a {@link FrameSerializer}: the newest frame version in it. State of a
 * later release is refused when the job starts, not at the first value that is read.
 *
 * <p>Snapshots of version 3 were Flink's {@code SimpleTypeSerializerSnapshot}, which says nothing.
 */
public abstract class FrameSnapshot<T> implements TypeSerializerSnapshot<T> {
    private static final int SILENT_VERSION = 3;
    private static final int CURRENT_VERSION = 4;

    private final Supplier<FrameSerializer<T>> serializer;
    private int frameVersion;

    protected FrameSnapshot(Supplier<FrameSerializer<T>> serializer) {
        this.serializer = serializer;
        this.frameVersion = serializer.get().version();
    }

    @Override
    public final int getCurrentVersion() {
        return CURRENT_VERSION;
    }

    @Override
    public final void writeSnapshot(DataOutputView out) throws IOException {
        out.writeInt(frameVersion);
    }

    @Override
    public final void readSnapshot(int readVersion, DataInputView in, ClassLoader loader)
            throws IOException {
        if (readVersion < SILENT_VERSION || readVersion > CURRENT_VERSION) {
            throw new IOException(
                    String.format(
                            "%s: snapshotVersion=%d is not one of %d to %d; use the release that wrote it or a newer one",
                            getClass().getName(), readVersion, SILENT_VERSION, CURRENT_VERSION));
        }
        frameVersion = readVersion == SILENT_VERSION ? 0 : in.readInt();
    }

    @Override
    public final TypeSerializer<T> restoreSerializer() {
        return serializer.get();
    }

    @Override
    public final TypeSerializerSchemaCompatibility<T> resolveSchemaCompatibility(
            TypeSerializerSnapshot<T> old) {
        boolean isReadable =
                old.getClass() == getClass()
                        && ((FrameSnapshot<T>) old).frameVersion <= serializer.get().version();
        return isReadable
                ? TypeSerializerSchemaCompatibility.compatibleAsIs()
                : TypeSerializerSchemaCompatibility.incompatible();
    }
}
