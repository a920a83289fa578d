// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.millrace.engine.Model;
import org.millrace.engine.kvcache.CacheLayout;
import org.millrace.engine.kvcache.ProfiledTurn;
import org.millrace.engine.kvcache.RetainedHead;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.HeadProfile;
import org.millrace.engine.kvcache.policy.HeadSlots;
import org.millrace.engine.kvcache.policy.RetentionPolicy;
import org.millrace.engine.kvcache.policy.Turn;

/**
 * Carries out what the retention policies of a sequence decide: has its prompt measured, compacts
 * the cache at the prompt's end (after a replay, where the policy wants one), and evicts while
 * tokens are generated. FastGen's Algorithms 1 and 2 (arXiv 2310.01801), for any policy. Stateless
 * but for the model; runs on the generator's thread.
 */
final class Compactor {
    private final Model model;
    private final CacheLayout layout;
    private final int group;

    Compactor(Model model) {
        this.model = model;
        this.layout = model.cacheLayout();
        this.group = model.spec().numHeads() / model.spec().numKvHeads();
    }

    /**
     * To be called when a sequence joins: a turn before may have ended in the midst of its prompt
     * or of its reviews, and a compaction may be due before anything is computed.
     */
    void join(Sequence sequence) {
        endProfileOfOthers(sequence);
        freezeUnlessReviewing(sequence);
        compactIfDue(sequence);
    }

    private void endProfileOfOthers(Sequence sequence) {
        SessionCache cache = sequence.cache();
        TurnSchedule.Compressed due = sequence.schedule().due(cache);
        cache.endProfileUnlessOf(due == null ? null : measuredTurn(due).orElse(null));
    }

    private static void freezeUnlessReviewing(Sequence sequence) {
        if (!sequence.schedule().isReviewing(sequence.cache())) {
            sequence.cache().freeze();
        }
    }

    /**
     * To be called before the next {@code rows} of a sequence are computed: takes memory for what
     * is to be measured of them.
     *
     * @return false if there is none: the sequence must wait
     */
    boolean prepare(Sequence sequence, int rows) {
        SessionCache cache = sequence.cache();
        if (!cache.resumeProfile()) {
            return false;
        }
        TurnSchedule.Compressed due = sequence.schedule().due(cache);
        if (due == null || cache.profiledTurn() != null) {
            return true;
        }
        int firstColumn = due.turn().firstColumn();
        boolean isMeasured =
                due.policy().replaysPrompt()
                        ? sequence.replay() != null
                        : cache.length() + rows > firstColumn;
        return !isMeasured || measuredTurn(due).map(cache::beginProfile).orElse(true);
    }

    /** What a policy wants to be measured of the prompt, or of the replay that it asks for. */
    Optional<ProfiledTurn> measuredTurn(TurnSchedule.Compressed due) {
        int firstColumn = due.turn().firstColumn();
        return due.policy().profile(firstColumn, due.turn().promptEnd() - firstColumn, group);
    }

    /**
     * To be called when rows of a sequence have been computed.
     *
     * @return what each head keeps if the cache was compacted, else null
     */
    List<HeadChoice> afterStep(Sequence sequence) {
        SessionCache cache = sequence.cache();
        TurnSchedule schedule = sequence.schedule();
        if (schedule.isEmpty()) {
            return null;
        }
        if (sequence.replay() != null) {
            return goOnWithReplay(sequence);
        }
        review(sequence);
        freezeUnlessReviewing(sequence);
        return compactIfDue(sequence);
    }

    private List<HeadChoice> compactIfDue(Sequence sequence) {
        TurnSchedule schedule = sequence.schedule();
        if (!schedule.isCompactionDue(sequence.cache())) {
            return null;
        }
        if (schedule.due(sequence.cache()).policy().replaysPrompt()) {
            startReplay(sequence);
            return null;
        }
        return compact(sequence);
    }

    /** A turn that ended with its first token is not worth a replay. */
    private void startReplay(Sequence sequence) {
        if (sequence.finishReason() != null) {
            return;
        }
        SessionCache cache = sequence.cache();
        TurnSchedule.Compressed due = sequence.schedule().due(cache);
        SessionTurn turn = due.turn();
        int[] context = sequence.tokens(turn.firstColumn(), turn.promptEnd());
        sequence.startReplay(new Replay(context, model.tokenizer()));
        cache.beginReplay();
    }

    private List<HeadChoice> goOnWithReplay(Sequence sequence) {
        SessionCache cache = sequence.cache();
        if (cache.nextPosition() - cache.length() < sequence.replay().part().length) {
            return null;
        }
        if (sequence.replay().next()) {
            cache.beginReplay();
            return null;
        }
        cache.endReplay();
        sequence.endReplay();
        return compact(sequence);
    }

    private List<HeadChoice> compact(Sequence sequence) {
        SessionCache cache = sequence.cache();
        TurnSchedule.Compressed due = sequence.schedule().due(cache);
        SessionTurn turn = due.turn();
        int start = turn.firstColumn();
        int end = turn.promptEnd();
        Turn columns =
                new Turn(start, end - start, sequence.tokens(start, end), model.tokenClasses());
        List<HeadChoice> choices =
                due.policy().choose(columns, layout.numHeads(), head -> profile(cache, head));
        List<RetainedHead> retained = new ArrayList<>(choices.size());
        for (HeadChoice choice : choices) {
            retained.add(
                    new RetainedHead(
                            choice.rung(),
                            choice.kept(),
                            choice.scoreMode().code(),
                            choice.scores()));
        }
        cache.compact(start, end, turn.retention().toString(), retained);
        return choices;
    }

    private HeadProfile profile(SessionCache cache, int head) {
        ProfiledTurn turn = cache.profiledTurn();
        long[] area = cache.statistics(head / layout.numKvHeads(), head % layout.numKvHeads());
        return new HeadProfile(turn, area, group);
    }

    private void review(Sequence sequence) {
        SessionCache cache = sequence.cache();
        TurnSchedule.Compressed reviewed = sequence.schedule().reviewed(cache);
        if (reviewed == null) {
            return;
        }
        RetentionPolicy policy = reviewed.policy();
        int start = reviewed.turn().firstColumn();
        int length = cache.length() - start;
        if (length % policy.reviewInterval() != 0) {
            return;
        }
        Turn turn =
                new Turn(
                        start,
                        reviewed.turn().promptEnd() - start,
                        sequence.tokens(start, cache.length()),
                        model.tokenClasses());
        for (int layer = 0; layer < layout.numLayers(); layer++) {
            for (int kvHead = 0; kvHead < layout.numKvHeads(); kvHead++) {
                int[] positions = cache.positions(layer, kvHead, start);
                float[] scores = cache.scores(layer, kvHead, start);
                BitSet kept =
                        policy.kept(
                                cache.rung(layer, kvHead), HeadSlots.of(turn, positions, scores));
                if (kept.cardinality() < positions.length) {
                    cache.evict(layer, kvHead, p -> p >= start && !kept.get(p - start));
                }
            }
        }
        cache.pack();
    }
}
