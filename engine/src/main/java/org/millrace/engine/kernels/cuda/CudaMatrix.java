// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kernels.WeightMatrix;
import org.millrace.engine.tensor.Tensor;

/** A weight matrix in device memory: one buffer per section of {@code matrix.cuh}. */
final class CudaMatrix implements WeightMatrix {
    private final int rows;
    private final int columns;
    private final boolean usesCodes;
    private final MatrixFormat format;
    private final List<CudaBuffer> sections = new ArrayList<>();

    CudaMatrix(CudaDevice device, Tensor tensor, ActivationType activations) {
        rows = tensor.rows();
        columns = tensor.columns();
        format = MatrixFormat.of(tensor.type());
        usesCodes = !format.isFloat() && activations == ActivationType.INT8;
        MatrixPacker packer = new MatrixPacker(tensor, format);
        try {
            for (long bytes : packer.sectionBytes()) {
                sections.add(bytes == 0 ? null : new CudaBuffer(device, bytes));
            }
            packer.pack(this::write);
        } catch (RuntimeException | OutOfMemoryError e) {
            close();
            throw e;
        }
    }

    private void write(int section, long offset, ByteBuffer bytes) {
        sections.get(section).write(offset, bytes);
    }

    MatrixFormat format() {
        return format;
    }

    /** Appends the structure Matrix. */
    void describe(Arguments arguments) {
        for (CudaBuffer section : sections) {
            arguments.address(section == null ? 0 : CudaBuffer.address(section, 0));
        }
        arguments.integer(rows).integer(columns);
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    /** Those that the format has. */
    Stream<CudaBuffer> sections() {
        return sections.stream().filter(Objects::nonNull);
    }

    @Override
    public long bytes() {
        return sections().mapToLong(CudaBuffer::bytes).sum();
    }

    @Override
    public boolean usesCodes() {
        return usesCodes;
    }

    @Override
    public void close() {
        sections().forEach(CudaBuffer::close);
    }
}
