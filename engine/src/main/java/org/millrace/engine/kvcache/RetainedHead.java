// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache;

import java.util.BitSet;

/**
 * What a compaction leaves of one KV head.
 *
 * @param rung index of the head's policy in its ladder
 * @param columns positions to keep, counted from the compaction's first
 * @param scoreMode how decode steps update the scores of the head's slots, see {@link
 *     CacheView#heads}
 * @param scores float[columns]: first scores; null without a score mode
 */
public record RetainedHead(int rung, BitSet columns, int scoreMode, float[] scores) {}
