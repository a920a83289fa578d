// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * FastGen's rule, Algorithm 1 and 2 of arXiv 2310.01801: while the prompt is encoded, each head
 * takes the rung that keeps the fewest slots and still recovers T of its attention, full if there
 * is none; while tokens are generated, it applies its rung again and again. A ladder of one rung
 * leaves nothing to choose: all heads take it.
 *
 * @param ladder rungs
 * @param recovery T
 * @param score ranks slots for {@link Frequent} and {@link Budget}
 * @param peakDistance rows nearer than this do not count for peaks
 * @param pooling of the query heads' masses
 * @param rows that count for the masses
 * @param minPrompt prompts of fewer tokens are kept whole: they say too little about a head
 * @param reviewInterval see {@link RetentionPolicy#reviewInterval}
 */
record LadderPolicy(
        Ladder ladder,
        double recovery,
        FrequentScore score,
        int peakDistance,
        HeadPooling pooling,
        RowSelection rows,
        int minPrompt,
        int reviewInterval)
        implements RetentionPolicy {

    /** A ladder of one rung. */
    static LadderPolicy uniform(String rung, Retention retention) {
        return new LadderPolicy(
                Ladder.parse(rung, retention),
                0,
                FrequentScore.SUM,
                0,
                HeadPooling.MEAN,
                RowSelection.ALL,
                0,
                retention.integer(RetentionOption.REVIEW_INTERVAL));
    }

    /** A ladder with everything set by options. */
    static LadderPolicy adaptive(Retention retention) {
        return new LadderPolicy(
                Ladder.parse(retention.text(RetentionOption.LADDER), retention),
                retention.number(RetentionOption.RECOVERY),
                retention.constant(RetentionOption.SCORE, FrequentScore.class),
                retention.integer(RetentionOption.PEAK_DISTANCE),
                retention.constant(RetentionOption.POOLING, HeadPooling.class),
                RowSelection.parse(retention.text(RetentionOption.ROWS)),
                retention.integer(RetentionOption.MIN_PROMPT),
                retention.integer(RetentionOption.REVIEW_INTERVAL));
    }

    @Override
    public List<String> rungs() {
        return ladder.rungs().stream().map(Rung::toString).toList();
    }

    @Override
    public boolean keepsAll() {
        return ladder.rungs().get(0).keepsAll();
    }

    @Override
    public Optional<ProfiledTurn> profile(int start, int promptTokens, int group) {
        if (!isMeasured(promptTokens)) {
            return Optional.empty();
        }
        boolean summed = ladder.isRanking() && score.mode() == ScoreMode.SUM;
        boolean peaked = ladder.isRanking() && score.mode() == ScoreMode.PEAK;
        int firstMassRow = start + promptTokens - rows.count(promptTokens);
        return Optional.of(
                new ProfiledTurn(
                        start,
                        promptTokens,
                        summed ? start : ProfiledTurn.NONE,
                        peaked ? peakDistance : ProfiledTurn.NO_PEAKS,
                        start,
                        isChoosing() ? firstMassRow : ProfiledTurn.NONE,
                        isChoosing() ? pooling.lanes(group) : 1,
                        isChoosing() ? ladder.windows(promptTokens) : List.of()));
    }

    private boolean isChoosing() {
        return ladder.rungs().size() > 1;
    }

    private boolean isMeasured(int promptTokens) {
        return isChoosing() ? promptTokens >= minPrompt : ladder.isRanking();
    }

    @Override
    public List<HeadChoice> choose(Turn turn, int heads, IntFunction<HeadProfile> profiles) {
        if (isMeasured(turn.promptTokens())) {
            return IntStream.range(0, heads)
                    .mapToObj(head -> choose(turn, profiles.apply(head)))
                    .toList();
        }
        List<BitSet> kept = keptByRung(HeadSlots.ofPrompt(turn));
        return Collections.nCopies(heads, choice(ladder.last(), List.of(), kept, null));
    }

    private HeadChoice choose(Turn turn, HeadProfile profile) {
        boolean ranking = ladder.isRanking();
        HeadSlots slots = ranking ? score.rankPrompt(turn, profile) : HeadSlots.ofPrompt(turn);
        List<BitSet> kept = keptByRung(slots);
        List<Double> masses = isChoosing() ? masses(turn, kept, profile) : List.of();
        int rung = isChoosing() ? cheapest(masses, kept) : 0;
        float[] scores = ranking ? score.firstScores(profile) : null;
        return choice(rung, masses, kept, scores);
    }

    /** In a prompt the newest token is always there: every row attends to itself. */
    private List<BitSet> keptByRung(HeadSlots slots) {
        List<BitSet> keptByRung = new ArrayList<>();
        for (Rung rung : ladder.rungs()) {
            BitSet kept = rung.kept(slots);
            kept.set(slots.turn().promptTokens() - 1);
            keptByRung.add(kept);
        }
        return keptByRung;
    }

    private List<Double> masses(Turn turn, List<BitSet> kept, HeadProfile profile) {
        List<Double> masses = new ArrayList<>();
        for (int r = 0; r < kept.size(); r++) {
            Rung rung = ladder.rungs().get(r);
            int window = rung.window(turn.promptTokens());
            masses.add(rung.keepsAll() ? 1.0 : profile.mass(kept.get(r), window, pooling));
        }
        return masses;
    }

    /** Full always recovers enough. The earlier rung wins a tie. */
    private int cheapest(List<Double> masses, List<BitSet> kept) {
        int best = ladder.last();
        for (int r = ladder.last() - 1; r >= 0; r--) {
            boolean isEnough = masses.get(r) >= recovery;
            if (isEnough && kept.get(r).cardinality() <= kept.get(best).cardinality()) {
                best = r;
            }
        }
        return best;
    }

    private HeadChoice choice(int rung, List<Double> masses, List<BitSet> kept, float[] scores) {
        ScoreMode mode = scoreMode(rung);
        return new HeadChoice(
                rung,
                masses,
                kept.stream().map(BitSet::cardinality).toList(),
                kept.get(rung),
                mode,
                mode == ScoreMode.NONE ? null : scores);
    }

    private ScoreMode scoreMode(int rung) {
        boolean reviewed = reviewInterval != NEVER;
        return reviewed && ladder.rungs().get(rung).isRanking() ? score.mode() : ScoreMode.NONE;
    }

    @Override
    public BitSet kept(int rung, HeadSlots slots) {
        return ladder.rungs().get(rung).kept(score.rank(slots));
    }
}
