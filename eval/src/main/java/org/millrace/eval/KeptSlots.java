// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import org.millrace.engine.kvcache.ProfiledTurn;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.HeadProfile;
import org.millrace.engine.kvcache.policy.HeadSlots;
import org.millrace.engine.kvcache.policy.RetentionPolicy;
import org.millrace.engine.kvcache.policy.ScoreMode;
import org.millrace.engine.kvcache.policy.Turn;

/**
 * Keeps slots that were chosen elsewhere; nothing is dropped while tokens are generated.
 *
 * @param heads positions of each KV head, layer by layer
 */
record KeptSlots(String name, List<BitSet> heads) implements RetentionPolicy {
    @Override
    public List<String> rungs() {
        return List.of(name);
    }

    @Override
    public Optional<ProfiledTurn> profile(int start, int promptTokens, int group) {
        return Optional.empty();
    }

    @Override
    public List<HeadChoice> choose(Turn turn, int count, IntFunction<HeadProfile> profiles) {
        return heads.stream()
                .map(
                        kept ->
                                new HeadChoice(
                                        0,
                                        List.of(),
                                        List.of(kept.cardinality()),
                                        kept,
                                        ScoreMode.NONE,
                                        null))
                .toList();
    }

    @Override
    public int reviewInterval() {
        return NEVER;
    }

    @Override
    public BitSet kept(int rung, HeadSlots slots) {
        throw new UnsupportedOperationException("nothing is reviewed");
    }
}
