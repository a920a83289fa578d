// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.types;

import java.io.IOException;
import java.io.ObjectInputStream;
import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

/**
 * Type information of an opaque immutable value with a serializer of its own.
 *
 * <p>The class travels by its name. The JobManager reads a job's types, and Java initialises a
 * class that it reads: an Avro record then parses its schema, and Avro leaves a value in a thread
 * local of the JobManager's thread that keeps all classes of the job for good.
 */
public final class ValueTypeInfo<T> extends TypeInformation<T> {
    private static final long serialVersionUID = 1L;

    private final String typeName;
    private final TypeSerializer<T> serializer;
    private transient Class<T> type;

    /**
     * @param serializer of the same class loader as the type
     */
    public ValueTypeInfo(Class<T> type, TypeSerializer<T> serializer) {
        this.typeName = type.getName();
        this.serializer = serializer;
        this.type = type;
    }

    @SuppressWarnings("unchecked")
    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
        in.defaultReadObject();
        type = (Class<T>) Class.forName(typeName, false, serializer.getClass().getClassLoader());
    }

    @Override
    public TypeSerializer<T> createSerializer(SerializerConfig config) {
        return serializer;
    }

    @Override
    public Class<T> getTypeClass() {
        return type;
    }

    @Override
    public boolean isBasicType() {
        return false;
    }

    @Override
    public boolean isTupleType() {
        return false;
    }

    @Override
    public int getArity() {
        return 1;
    }

    @Override
    public int getTotalFields() {
        return 1;
    }

    @Override
    public boolean isKeyType() {
        return false;
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof ValueTypeInfo;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ValueTypeInfo<?> that && type == that.type;
    }

    @Override
    public int hashCode() {
        return type.hashCode();
    }

    @Override
    public String toString() {
        return type.getSimpleName();
    }
}
