// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

/**
 * A compaction that a cache went through.
 *
 * @param start first position that could be dropped
 * @param end position after the last one
 * @param retention what was asked for, in text form
 * @param keptSlots slots of these positions that stayed, over all heads
 * @param droppedSlots slots of these positions that it dropped, over all heads
 */
public record Compaction(int start, int end, String retention, long keptSlots, long droppedSlots) {}
