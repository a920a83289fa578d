// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.types;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Serializer of an immutable value as a frame that begins with its format version, so that old
 * state is read by newer code without Flink's schema migration.
 *
 * <pre>
 *   +---------+----------------------+
 *   | version | fields of this       |
 *   | int8    | version              |
 *   +---------+----------------------+
 * </pre>
 *
 * Values are never copied: Flink would otherwise copy a session's state on its first touch after
 * each snapshot.
 */
public abstract class FrameSerializer<T> extends TypeSerializerSingleton<T> {
    private static final long serialVersionUID = 1L;

    /** The version that {@link #write} writes. */
    protected abstract int version();

    /** The oldest version that {@link #read} reads. */
    protected int oldestVersion() {
        return version();
    }

    protected abstract void write(T value, DataOutputView out) throws IOException;

    protected abstract T read(int version, DataInputView in) throws IOException;

    @Override
    public final void serialize(T value, DataOutputView target) throws IOException {
        target.writeByte(version());
        write(value, target);
    }

    @Override
    public final T deserialize(DataInputView source) throws IOException {
        int version = source.readByte();
        if (version < oldestVersion() || version > version()) {
            throw new IOException(
                    String.format(
                            "%s: formatVersion=%d is not one of %d to %d; use the release that wrote it or a newer one",
                            getClass().getSimpleName(), version, oldestVersion(), version()));
        }
        return read(version, source);
    }

    @Override
    public final T deserialize(T reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public final boolean isImmutableType() {
        return true;
    }

    @Override
    public final T copy(T from) {
        return from;
    }

    @Override
    public final T copy(T from, T reuse) {
        return from;
    }

    @Override
    public final void copy(DataInputView source, DataOutputView target) throws IOException {
        serialize(deserialize(source), target);
    }

    @Override
    public final T createInstance() {
        return null;
    }

    @Override
    public final int getLength() {
        return -1;
    }
}
