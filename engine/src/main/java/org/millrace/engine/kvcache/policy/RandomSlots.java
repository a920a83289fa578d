// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * Slots by lot, the same number in every head: what any policy must beat. Sinks and the nearest
 * tokens are kept, so that only the ranking differs from others.
 *
 * @param keep budget as a share of the prompt's slots
 * @param sinks first positions of a session that are always kept
 * @param recent nearest tokens that are always kept
 * @param seed the same seed and turn give the same slots
 */
record RandomSlots(double keep, int sinks, int recent, int seed) implements RetentionPolicy {
    static final Preset PRESET =
            Preset.of("random", "keep=0.5 sinks=4 recent=32 seed=0", RandomSlots::of);

    private static RandomSlots of(Retention retention) {
        return new RandomSlots(
                retention.number(RetentionOption.KEEP),
                retention.integer(RetentionOption.SINKS),
                retention.integer(RetentionOption.RECENT),
                retention.integer(RetentionOption.SEED));
    }

    @Override
    public List<String> rungs() {
        return List.of(PRESET.name());
    }

    @Override
    public Optional<ProfiledTurn> profile(int start, int promptTokens, int group) {
        return Optional.empty();
    }

    @Override
    public List<HeadChoice> choose(Turn turn, int heads, IntFunction<HeadProfile> profiles) {
        SplittableRandom random = new SplittableRandom((long) seed << Integer.SIZE | turn.start());
        return IntStream.range(0, heads)
                .mapToObj(head -> HeadChoice.fixed(kept(turn, random.split())))
                .toList();
    }

    private BitSet kept(Turn turn, SplittableRandom random) {
        int columns = turn.promptTokens();
        double[] scores = random.doubles(columns).toArray();
        BitSet kept = SessionRanking.sinksAndRecent(turn, sinks, recent);
        int budget = (int) Math.floor(keep * columns);
        HeadSlots.ofPrompt(turn, scores).keepLargest(budget - kept.cardinality(), kept);
        return kept;
    }

    @Override
    public int reviewInterval() {
        return NEVER;
    }

    @Override
    public BitSet kept(int rung, HeadSlots slots) {
        return slots.all();
    }
}
