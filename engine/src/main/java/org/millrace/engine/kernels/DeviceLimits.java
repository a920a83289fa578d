// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kernels;

/**
 * What a GPU can do at most, from its clocks and widths.
 *
 * @param bytesPerSecond of its memory
 * @param operationsPerSecond of int8 on tensor cores, dense; a multiply-add is two
 */
public record DeviceLimits(double bytesPerSecond, double operationsPerSecond) {}
