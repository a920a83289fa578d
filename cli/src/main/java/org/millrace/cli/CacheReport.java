// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.millrace.engine.batch.Sequence;
import org.millrace.engine.batch.StepResult;
import org.millrace.engine.kvcache.CacheSummary;
import org.millrace.engine.kvcache.SessionCache;

/** What the cache of one generation took and kept. */
final class CacheReport {
    private final boolean showsKept;

    /** Positions of each head, layer by layer, when the prompt was compressed. */
    private final List<int[]> keptAfterPrompt = new ArrayList<>();

    /**
     * @param showsKept also tells every position that was kept
     */
    CacheReport(boolean showsKept) {
        this.showsKept = showsKept;
    }

    /** To be told of every step. */
    void watch(StepResult step) {
        for (StepResult.Compacted compacted : step.compacted()) {
            compacted.heads().forEach(head -> keptAfterPrompt.add(head.kept().stream().toArray()));
        }
    }

    /** Fills {@code target} with the cache as it is now. */
    void write(Sequence sequence, ObjectNode target) {
        SessionCache cache = sequence.cache();
        CacheSummary summary = cache.summary();
        target.put("full_bytes", summary.fullBytes()).put("bytes", summary.bytes());
        ArrayNode heads = target.putArray("heads");
        for (CacheSummary.Head head : summary.heads()) {
            ObjectNode node =
                    heads.addObject()
                            .put("layer", head.layer())
                            .put("kv_head", head.kvHead())
                            .put("rung", Math.max(0, head.rung()))
                            .put("kept", head.kept());
            if (showsKept) {
                int[] afterPrompt =
                        keptAfterPrompt.isEmpty()
                                ? IntStream.range(0, sequence.promptTokens()).toArray()
                                : keptAfterPrompt.get(heads.size() - 1);
                put(node.putArray("kept_after_prompt"), afterPrompt);
                put(
                        node.putArray("kept_positions"),
                        cache.positions(head.layer(), head.kvHead(), 0));
            }
        }
    }

    private static void put(ArrayNode target, int[] values) {
        for (int value : values) {
            target.add(value);
        }
    }
}
