// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels.reference;

/**
 * Heap copy of the int8 form of activations.
 *
 * @param codes int8[rows][width]
 * @param scales float[rows][width / 32]
 * @param sums int32[rows][width / 32]
 */
record QuantizedRows(byte[] codes, float[] scales, int[] sums) {}
