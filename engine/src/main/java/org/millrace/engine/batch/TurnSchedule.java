// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.millrace.engine.kvcache.SessionCache;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicy;

/**
 * In what order the positions of a session are computed, so that its cache comes out the same
 * however often it is computed again: each prompt up to its end, then its compaction, then what was
 * generated, up to each review; one by one where slots are scored meanwhile. Turns that keep
 * everything put no limit.
 *
 * <p>Where a cache stands follows from its length and its number of compactions.
 */
final class TurnSchedule {
    /**
     * A turn that is compressed.
     *
     * @param end position after the last one that belongs to its generation
     */
    record Compressed(SessionTurn turn, RetentionPolicy policy, int end) {
        boolean isReviewed() {
            return policy.reviewInterval() != RetentionPolicy.NEVER;
        }
    }

    private final List<Compressed> compressed = new ArrayList<>();

    TurnSchedule(List<SessionTurn> turns, Function<Retention, RetentionPolicy> policies) {
        for (int i = 0; i < turns.size(); i++) {
            RetentionPolicy policy = policies.apply(turns.get(i).retention());
            boolean isLast = i == turns.size() - 1;
            boolean hasColumns = turns.get(i).firstColumn() < turns.get(i).promptEnd();
            if (hasColumns && !policy.keepsAll()) {
                int end = isLast ? Integer.MAX_VALUE : turns.get(i + 1).start() - 1;
                compressed.add(new Compressed(turns.get(i), policy, end));
            }
        }
    }

    /** Whether nothing is ever compressed. */
    boolean isEmpty() {
        return compressed.isEmpty();
    }

    /** The turn that is compressed first; null if none is. */
    Compressed first() {
        return compressed.isEmpty() ? null : compressed.get(0);
    }

    /** The turn that is compressed next; null if all are. */
    Compressed due(SessionCache cache) {
        int next = cache.compactions().size();
        return next < compressed.size() ? compressed.get(next) : null;
    }

    /**
     * Whether the last turn is one that is compressed, and has not been after so many compactions.
     */
    boolean isPending(int compactions) {
        return compactions < compressed.size();
    }

    /**
     * The turn whose slots are reviewed when the newest position is there; null if there is none.
     */
    Compressed reviewed(SessionCache cache) {
        int last = cache.compactions().size() - 1;
        if (last < 0) {
            return null;
        }
        Compressed turn = compressed.get(last);
        return turn.isReviewed() && cache.length() <= turn.end() ? turn : null;
    }

    /** Whether the next position belongs to a generation whose slots are scored and reviewed. */
    boolean isReviewing(SessionCache cache) {
        Compressed turn = reviewed(cache);
        return turn != null && cache.length() < turn.end();
    }

    /** Whether all tokens of the turn to compress next are there, so that it can be. */
    boolean isCompactionDue(SessionCache cache) {
        Compressed due = due(cache);
        return due != null && cache.length() == due.turn().promptEnd();
    }

    /** Positions that can be computed at once, of a session of {@code length} tokens. */
    int rows(SessionCache cache, int length) {
        Compressed due = due(cache);
        int end = due == null ? length : Math.min(length, due.turn().promptEnd());
        return Math.min(end - cache.length(), rowsToReview(cache));
    }

    /** Positions up to the next review, or to where reviews stop; one where slots are scored. */
    private int rowsToReview(SessionCache cache) {
        if (!isReviewing(cache)) {
            return Integer.MAX_VALUE;
        }
        if (cache.isScored()) {
            return 1;
        }
        Compressed turn = reviewed(cache);
        int interval = turn.policy().reviewInterval();
        int sinceReview = (cache.length() - turn.turn().firstColumn()) % interval;
        return Math.min(interval - sinceReview, turn.end() - cache.length());
    }

    /** Rows of the largest replay still to come. */
    int replayRows(SessionCache cache) {
        return compressed.stream()
                .skip(cache.compactions().size())
                .filter(turn -> turn.policy().replaysPrompt())
                .mapToInt(turn -> Replay.MAX_ROWS)
                .max()
                .orElse(0);
    }
}
