// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

/**
 * A weight matrix (rows x columns) in the layout of the provider that packed it. Owned and closed
 * by the model.
 */
public interface WeightMatrix extends AutoCloseable {
    /** Length of a product's result. */
    int rows();

    /** Length of a product's input, K. */
    int columns();

    /** Bytes held. */
    long bytes();

    /** Whether products take the int8 codes of {@link Activations} and not the float values. */
    boolean usesCodes();

    @Override
    void close();
}
