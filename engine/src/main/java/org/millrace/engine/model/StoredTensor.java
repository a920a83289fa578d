// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import org.millrace.engine.tensor.Tensor;
import org.millrace.engine.tensor.TensorType;

/**
 * Where a tensor lies in a model file.
 *
 * @param name canonical name, as in GGUF
 * @param file the file it lies in
 * @param offset of its first byte in that file, in bytes
 */
record StoredTensor(
        String name, TensorType type, int rows, int columns, MappedFile file, long offset) {
    long byteSize() {
        return rows * type.rowBytes(columns);
    }

    /** Some of its rows as a tensor of their own. */
    StoredTensor rows(String partName, int from, int count) {
        return new StoredTensor(
                partName, type, count, columns, file, offset + from * type.rowBytes(columns));
    }

    Tensor map() {
        return new Tensor(name, type, rows, columns, file.slice(offset, byteSize(), name));
    }

    /**
     * Checks sizes given by a file before anything is read.
     *
     * @param storedName the name in the file, for messages
     */
    static StoredTensor checked(
            String name,
            String storedName,
            TensorType type,
            long[] shape,
            MappedFile file,
            long offset) {
        String where = "tensor " + storedName + " of " + file.path();
        if (shape.length < 1 || shape.length > 2) {
            throw new ModelFormatException(
                    where + ": dimensions=" + shape.length + ", supported=1 or 2");
        }
        long rows = shape.length == 2 ? shape[0] : 1;
        long columns = shape[shape.length - 1];
        if (rows < 1 || columns < 1 || rows > Integer.MAX_VALUE || columns > Integer.MAX_VALUE) {
            throw new ModelFormatException(
                    where
                            + ": rows="
                            + rows
                            + ", columns="
                            + columns
                            + ", each must be from 1 to "
                            + Integer.MAX_VALUE);
        }
        if (columns % type.blockSize() != 0) {
            throw new ModelFormatException(
                    where
                            + ": columns="
                            + columns
                            + " is no multiple of the block of type "
                            + type
                            + ", blockSize="
                            + type.blockSize());
        }
        long rowBytes = type.rowBytes((int) columns);
        if (rowBytes > Integer.MAX_VALUE / rows) {
            throw new ModelFormatException(
                    where
                            + ": bytes="
                            + rows
                            + " x "
                            + rowBytes
                            + " is above the limit of "
                            + Integer.MAX_VALUE
                            + " bytes per tensor");
        }
        StoredTensor tensor = new StoredTensor(name, type, (int) rows, (int) columns, file, offset);
        if (offset < 0 || offset > file.size() - tensor.byteSize()) {
            throw new ModelFormatException(
                    where
                            + " ends after the file: offset="
                            + offset
                            + ", bytes="
                            + tensor.byteSize()
                            + ", fileBytes="
                            + file.size()
                            + "; the file is truncated or damaged, fetch it again");
        }
        return tensor;
    }
}
