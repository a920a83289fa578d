// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.millrace.engine.kvcache.ProfiledTurn;

/**
 * The default, FastGen's rule (arXiv 2310.01801) in another shape: while the prompt is encoded, a
 * session takes the least budget that recovers T of its attention; heads get of it what their slots
 * are worth. Departures, each measured in {@code docs/fastgen.md}:
 *
 * <ul>
 *   <li>A slot is worth the largest attention that it got from afar, not the sum, which favours
 *       early tokens, and twice what its head's slots got on average: a head that looked far, if at
 *       other slots, may look at this one later. KVzip (arXiv 2505.23416) finds out by a replay.
 *   <li>All slots of all heads are ranked together.
 *   <li>Every head keeps the sinks and the nearest tokens, up to half of the budget.
 *   <li>What a head kept of the prompt stays while tokens are generated. Its budget binds in long
 *       generations only, and there the nearest stay: so decode steps need no scores.
 * </ul>
 *
 * @param shares budgets of the rungs, ascending, as shares of all slots; full comes after them
 * @param recovery T, mean over all heads
 * @param rows that count for the masses
 * @param peakDistance nearer rows do not count for the worth of a column
 * @param sinks first positions of a session that are always kept
 * @param minPrompt prompts of fewer tokens are kept whole
 * @param recent generated tokens that stay whole; of those before a head keeps its budget's share
 * @param reviewInterval generated tokens between evictions; 0 for none
 */
record FastGen(
        List<Double> shares,
        double recovery,
        RowSelection rows,
        int peakDistance,
        int sinks,
        int minPrompt,
        int recent,
        int reviewInterval)
        implements RetentionPolicy {
    static final String NAME = "fastgen";

    static final Preset PRESET =
            Preset.of(
                    NAME,
                    "recovery=0.95 keep=0 rows=last:1/4 peak-distance=64 sinks=4 min-prompt=128"
                            + " recent=512 review-interval=64",
                    FastGen::of);

    private static final List<Double> LADDER =
            IntStream.range(2, 16).mapToObj(sixteenths -> sixteenths / 16.0).toList();

    /** Of the mean peak of a head's columns, in the worth of each. */
    private static final double HEAD_WEIGHT = 2;

    private static FastGen of(Retention retention) {
        double keep = retention.number(RetentionOption.KEEP);
        return new FastGen(
                keep > 0 ? List.of(keep) : LADDER,
                keep > 0 ? 0 : retention.number(RetentionOption.RECOVERY),
                RowSelection.parse(retention.text(RetentionOption.ROWS)),
                retention.integer(RetentionOption.PEAK_DISTANCE),
                retention.integer(RetentionOption.SINKS),
                retention.integer(RetentionOption.MIN_PROMPT),
                retention.integer(RetentionOption.RECENT),
                retention.integer(RetentionOption.REVIEW_INTERVAL));
    }

    @Override
    public List<String> rungs() {
        Stream<String> budgets = shares.stream().map(String::valueOf);
        return Stream.concat(budgets, Stream.of(Everything.WORD)).toList();
    }

    private int full() {
        return shares.size();
    }

    /** Half of the budget, rounded down to a power of two: few windows to measure. */
    private int window(int rung, int promptTokens) {
        double half = Math.scalb(0.5, Math.getExponent(shares.get(rung)));
        return (int) Math.max(1, half * promptTokens);
    }

    @Override
    public Optional<ProfiledTurn> profile(int start, int promptTokens, int group) {
        if (promptTokens < minPrompt) {
            return Optional.empty();
        }
        List<Integer> windows =
                IntStream.range(0, full())
                        .map(rung -> window(rung, promptTokens))
                        .distinct()
                        .boxed()
                        .toList();
        return Optional.of(
                new ProfiledTurn(
                        start,
                        promptTokens,
                        ProfiledTurn.NONE,
                        peakDistance,
                        start,
                        start + promptTokens - rows.count(promptTokens),
                        1,
                        windows));
    }

    @Override
    public List<HeadChoice> choose(Turn turn, int heads, IntFunction<HeadProfile> profiles) {
        if (turn.promptTokens() < minPrompt) {
            return IntStream.range(0, heads).mapToObj(head -> keepAll(turn)).toList();
        }
        List<HeadProfile> measured = IntStream.range(0, heads).mapToObj(profiles).toList();
        List<List<BitSet>> keptByRung = keptByRung(turn, measured);
        double[][] masses = masses(turn, measured, keptByRung);
        int rung = 0;
        while (mean(masses[rung]) < recovery) {
            rung++;
        }
        List<HeadChoice> choices = new ArrayList<>(heads);
        for (int head = 0; head < heads; head++) {
            choices.add(choice(head, rung, keptByRung, masses));
        }
        return choices;
    }

    private HeadChoice keepAll(Turn turn) {
        return new HeadChoice(full(), List.of(), List.of(), all(turn), ScoreMode.NONE, null);
    }

    private static BitSet all(Turn turn) {
        BitSet all = new BitSet(turn.promptTokens());
        all.set(0, turn.promptTokens());
        return all;
    }

    /** What each head keeps on each rung. */
    private List<List<BitSet>> keptByRung(Turn turn, List<HeadProfile> heads) {
        SessionRanking ranking =
                new SessionRanking(heads.stream().map(FastGen::worth).toArray(float[][]::new));
        List<List<BitSet>> keptByRung = new ArrayList<>();
        for (int rung = 0; rung < full(); rung++) {
            int window = window(rung, turn.promptTokens());
            long perHead = (long) (shares.get(rung) * turn.promptTokens());
            keptByRung.add(
                    ranking.kept(
                            perHead * heads.size(),
                            SessionRanking.sinksAndRecent(turn, sinks, window)));
        }
        keptByRung.add(Collections.nCopies(heads.size(), all(turn)));
        return keptByRung;
    }

    /** Peaks, each with the head's share added. */
    static float[] worth(HeadProfile profile) {
        float[] worth = new float[profile.columns()];
        float ofHead = (float) (HEAD_WEIGHT * meanPeak(profile));
        for (int j = 0; j < worth.length; j++) {
            worth[j] = profile.peak(j) + ofHead;
        }
        return worth;
    }

    private static double meanPeak(HeadProfile profile) {
        double sum = 0;
        for (int j = 0; j < profile.columns(); j++) {
            sum += profile.peak(j);
        }
        return sum / profile.columns();
    }

    /** double[rungs][heads]. */
    private double[][] masses(Turn turn, List<HeadProfile> heads, List<List<BitSet>> keptByRung) {
        double[][] masses = new double[keptByRung.size()][heads.size()];
        Arrays.fill(masses[full()], 1);
        for (int rung = 0; rung < full(); rung++) {
            int window = window(rung, turn.promptTokens());
            for (int head = 0; head < heads.size(); head++) {
                BitSet kept = keptByRung.get(rung).get(head);
                masses[rung][head] = heads.get(head).mass(kept, window, HeadPooling.MEAN);
            }
        }
        return masses;
    }

    private static double mean(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return sum / values.length;
    }

    private HeadChoice choice(
            int head, int rung, List<List<BitSet>> keptByRung, double[][] masses) {
        return new HeadChoice(
                rung,
                Arrays.stream(masses).map(ofHeads -> ofHeads[head]).toList(),
                keptByRung.stream().map(kept -> kept.get(head).cardinality()).toList(),
                keptByRung.get(rung).get(head),
                ScoreMode.NONE,
                null);
    }

    @Override
    public int reviewInterval() {
        return reviewInterval;
    }

    /** Of what was generated goes the oldest; the prompt stays as it was chosen. */
    @Override
    public BitSet kept(int rung, HeadSlots slots) {
        BitSet kept = slots.all();
        if (rung < full()) {
            int promptTokens = slots.turn().promptTokens();
            int further = Math.max(0, slots.turn().length() - promptTokens - recent);
            int share = (int) (shares.get(rung) * further);
            kept.clear(promptTokens, promptTokens + further - share);
        }
        return kept;
    }
}
