// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * KVzip, arXiv 2505.23416: the model is made to repeat the prompt, and a slot is worth the largest
 * attention that it gets meanwhile, whatever is asked later. One budget over all layers and heads.
 * Sinks and the nearest tokens are kept in every head, which the paper does not. Nothing is dropped
 * while tokens are generated.
 *
 * @param keep budget as a share of the prompt's slots
 * @param sinks first positions of a session that are always kept
 * @param compressesAllTurns whether the whole session is replayed and compressed with each turn
 */
record KvZip(double keep, int sinks, boolean compressesAllTurns) implements RetentionPolicy {
    static final Preset PRESET =
            Preset.of("kvzip", "keep=0.25 sinks=4", retention -> of(retention, false));

    /** For comparison: compressing old turns again and again adds up what is forgotten. */
    static final Preset ALL_TURNS =
            Preset.of("kvzip-all-turns", "keep=0.25 sinks=4", retention -> of(retention, true));

    private static KvZip of(Retention retention, boolean compressesAllTurns) {
        return new KvZip(
                retention.number(RetentionOption.KEEP),
                retention.integer(RetentionOption.SINKS),
                compressesAllTurns);
    }

    @Override
    public List<String> rungs() {
        return List.of(PRESET.name());
    }

    @Override
    public boolean replaysPrompt() {
        return true;
    }

    @Override
    public Optional<ProfiledTurn> profile(int start, int promptTokens, int group) {
        int firstReplayedRow = start + promptTokens;
        return Optional.of(
                new ProfiledTurn(
                        start,
                        promptTokens,
                        ProfiledTurn.NONE,
                        0,
                        firstReplayedRow,
                        ProfiledTurn.NONE,
                        1,
                        List.of()));
    }

    @Override
    public List<HeadChoice> choose(Turn turn, int heads, IntFunction<HeadProfile> profiles) {
        int columns = turn.promptTokens();
        float[][] peaks = new float[heads][columns];
        for (int head = 0; head < heads; head++) {
            HeadProfile profile = profiles.apply(head);
            for (int j = 0; j < columns; j++) {
                peaks[head][j] = profile.peak(j);
            }
        }
        int recent = (int) Math.min(columns / 4, Math.floor(keep * columns) / 2);
        BitSet always = SessionRanking.sinksAndRecent(turn, sinks, recent);
        long budget = (long) Math.floor(keep * columns * heads);
        return new SessionRanking(peaks)
                .kept(budget, always).stream().map(HeadChoice::fixed).toList();
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
