// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

/** How activations enter matrix products with block-quantised weights. */
public enum ActivationType {
    /** Quantised to int8 per row and block of 32: the fast path. */
    INT8,
    /** Kept in float32 against dequantised weights: for comparisons. */
    F32
}
