// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a session's cache takes.
 *
 * @param fullBytes bytes of pages that its positions would take uncompressed
 * @param bytes bytes of its pages
 * @param heads all KV heads, by layer
 */
public record CacheSummary(long fullBytes, long bytes, List<Head> heads) {
    /**
     * One KV head.
     *
     * @param rung index of its policy in the ladder, {@link SessionCache#NO_RUNG} before the first
     *     compaction
     * @param kept positions it holds
     */
    public record Head(int layer, int kvHead, int rung, int kept) {}

    /** Number of heads by rung. */
    public SortedMap<Integer, Integer> headsPerRung() {
        SortedMap<Integer, Integer> counts = new TreeMap<>();
        heads.forEach(head -> counts.merge(head.rung(), 1, Integer::sum));
        return counts;
    }
}
