// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import org.millrace.engine.kernels.DeviceBuffer;

/**
 * What attention kernels see of the caches of a batch: plain buffers, made anew for each step. The
 * rows of one sequence are consecutive and ascend in position. All indices are 32-bit.
 *
 * @param page layout of a page
 * @param pool pages, {@code page.pageBytes()} each; a page's number times this is its offset
 * @param numRows rows (tokens) of the step
 * @param numSequences sequences of the step
 * @param numKvHeads KV heads per layer
 * @param endPosition above the largest position of every row, by how much is no matter; providers
 *     size their scratch memory by it
 * @param rows int[numRows][2]: sequence, position
 * @param sequences int[numSequences][2]: first row, number of rows
 * @param heads int[layers][numSequences][numKvHeads][4]: first entry of the head's page table in
 *     {@code entries}, number of pages, slot of the sequence's first new row (page ordinal times
 *     page slots, plus slot in page; rows take consecutive slots), score mode: {@link #SCORE_NONE},
 *     {@link #SCORE_SUM} or {@link #SCORE_PEAK}; the last two only where the sequence has one row
 * @param entries int[][2]: page number, live mask (bit s = slot s of the page holds a retained
 *     position; slots of the rows of this step are set)
 * @param changes what {@link org.millrace.engine.kernels.KernelProvider#updateTables} has to write
 *     into {@code entries} before anything else is computed; null if it is all there
 * @param faults int[numRows]: kernels set 1 where a stored K, V or scale is not finite
 * @param scores float[pool pages][page slots]: what decode steps attended to a slot with; 0 once a
 *     slot is filled, then as the head's score mode says
 * @param scored whether a head has another score mode than {@link #SCORE_NONE}
 * @param profile what to measure of the rows' attention; null if no sequence is profiled
 */
public record CacheView(
        KvPageDescriptor page,
        DeviceBuffer pool,
        int numRows,
        int numSequences,
        int numKvHeads,
        int endPosition,
        DeviceBuffer rows,
        DeviceBuffer sequences,
        DeviceBuffer heads,
        DeviceBuffer entries,
        DeviceBuffer changes,
        DeviceBuffer faults,
        DeviceBuffer scores,
        boolean scored,
        Profile profile) {
    /** Score mode: attention leaves the head's scores alone. */
    public static final int SCORE_NONE = 0;

    /** Score mode: adds the mean attention of the group's query heads to each slot's score. */
    public static final int SCORE_SUM = 1;

    /** Score mode: a slot's score is the largest attention that any query head gave it. */
    public static final int SCORE_PEAK = 2;
}
