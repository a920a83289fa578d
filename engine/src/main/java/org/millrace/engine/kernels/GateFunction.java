// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

/** What a feed-forward block applies to its gate before the product with the other half. */
public enum GateFunction {
    /** {@code x / (1 + e^-x)} (SwiGLU, arXiv 2002.05202). */
    SILU,
    /**
     * GELU in its tanh form (arXiv 1606.08415): {@code x / 2 * (1 + tanh(sqrt(2 / pi) * (x +
     * 0.044715 x^3)))}.
     */
    GELU_TANH
}
