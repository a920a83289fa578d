// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.cuda;

import org.millrace.engine.tensor.TensorType;

/**
 * How a weight type lies in device memory; {@code matrix.cuh} draws it. Names are those of the
 * kernels.
 */
enum MatrixFormat {
    F32(4, 0, false, false),
    F16(2, 0, false, false),
    BF16(2, 0, false, false),
    Q4_0(16, 2, false, false),
    Q4_1(16, 2, true, false),
    Q4_K(16, 4, true, false),
    Q5_1(32, 2, true, false),
    Q5_K(32, 4, true, false),
    Q6_K(32, 2, false, true),
    Q8_0(32, 2, false, false);

    /** Of a block of 32, or of one element of a float type. */
    private final int codeBytes;

    /** 2 for float16, 4 for float32, 0 for float types. */
    private final int scaleBytes;

    private final boolean mins;
    private final boolean halves;

    MatrixFormat(int codeBytes, int scaleBytes, boolean mins, boolean halves) {
        this.codeBytes = codeBytes;
        this.scaleBytes = scaleBytes;
        this.mins = mins;
        this.halves = halves;
    }

    static MatrixFormat of(TensorType type) {
        return type == TensorType.Q5_0 ? Q8_0 : valueOf(type.name());
    }

    boolean isFloat() {
        return scaleBytes == 0;
    }

    boolean hasNibbles() {
        return codeBytes == 16;
    }

    int codeBytes() {
        return codeBytes;
    }

    int scaleBytes() {
        return scaleBytes;
    }

    boolean hasMins() {
        return mins;
    }

    boolean hasHalves() {
        return halves;
    }
}
