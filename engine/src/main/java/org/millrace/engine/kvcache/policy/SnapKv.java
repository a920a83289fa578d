// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * SnapKV, arXiv 2404.14469: each head keeps the observation window at the prompt's end, and of the
 * rest the columns that the window attends to most, smoothed over their neighbours; the same budget
 * in every head. Nothing is dropped while tokens are generated.
 *
 * @param keep budget as a share of the prompt's slots
 * @param window rows that are observed
 */
record SnapKv(double keep, int window) implements RetentionPolicy {
    static final Preset PRESET =
            Preset.of(
                    "snapkv",
                    "keep=0.5 recent=64",
                    retention ->
                            new SnapKv(
                                    retention.number(RetentionOption.KEEP),
                                    retention.integer(RetentionOption.RECENT)));

    /** Half of the paper's kernel of 5. */
    private static final int NEIGHBOURS = 2;

    @Override
    public List<String> rungs() {
        return List.of(PRESET.name());
    }

    @Override
    public Optional<ProfiledTurn> profile(int start, int promptTokens, int group) {
        return Optional.of(
                new ProfiledTurn(
                        start,
                        promptTokens,
                        start + Math.max(0, promptTokens - window),
                        ProfiledTurn.NO_PEAKS,
                        start,
                        ProfiledTurn.NONE,
                        1,
                        List.of()));
    }

    @Override
    public List<HeadChoice> choose(Turn turn, int heads, IntFunction<HeadProfile> profiles) {
        return IntStream.range(0, heads)
                .mapToObj(head -> HeadChoice.fixed(kept(turn, profiles.apply(head))))
                .toList();
    }

    private BitSet kept(Turn turn, HeadProfile profile) {
        int columns = turn.promptTokens();
        int observed = Math.max(0, columns - window);
        double[] scores = new double[columns];
        for (int j = 0; j < observed; j++) {
            for (int i = Math.max(0, j - NEIGHBOURS); i <= j + NEIGHBOURS && i < observed; i++) {
                scores[j] += profile.sum(i);
            }
        }
        BitSet kept = new BitSet(columns);
        kept.set(observed, columns);
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
