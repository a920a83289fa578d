// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import org.millrace.engine.kernels.DeviceBuffer;

/**
 * What attention measures of the rows of a step, as integers: the same bits in any order of rows,
 * chunks and threads. {@link ProfiledTurn} says what is measured and where it lies.
 *
 * @param sequences int[numSequences][16], see {@link ProfiledTurn#write}; all 0 where a sequence is
 *     not profiled
 * @param statistics long[]; per profiled sequence, from its offset, one area for each
 *     [layer][kvHead]. Kernels add to what is there: whoever allocates it writes zeros first
 */
public record Profile(DeviceBuffer sequences, DeviceBuffer statistics) {}
