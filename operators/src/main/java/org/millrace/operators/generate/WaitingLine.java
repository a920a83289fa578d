// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import org.millrace.engine.batch.Urgency;

/**
 * Sessions whose next request waits for room: turns that already ran before a restore first, then
 * by priority and age, then in order of joining. A session joins again behind the others after each
 * turn, so that none with many requests holds up the rest. Kept in memory; a restore makes it anew.
 *
 * <p>Waiting makes up for priority: {@value Urgency#AGEING_MILLIS} ms are worth one level, so that
 * no stream of urgent requests starves the others. The order says who waits, never what is
 * generated.
 */
final class WaitingLine {
    /**
     * A session in the line.
     *
     * @param rankMillis when it joined, earlier by {@link Urgency#AGEING_MILLIS} for each level of
     *     priority
     */
    record Place(String session, boolean resumes, long rankMillis, long ordinal) {}

    private static final Comparator<Place> ORDER =
            Comparator.comparing(Place::resumes)
                    .reversed()
                    .thenComparing(Place::rankMillis)
                    .thenComparing(Place::ordinal);

    private final TreeSet<Place> places = new TreeSet<>(ORDER);
    private final Map<String, Place> bySession = new HashMap<>();
    private long nextOrdinal;

    /**
     * @param joinedMillis wall clock, since the epoch
     */
    void join(String session, int priority, long joinedMillis) {
        add(session, false, priority, joinedMillis);
    }

    /** Joins with a turn that a snapshot was taken of. */
    void joinResuming(String session, int priority, long joinedMillis) {
        add(session, true, priority, joinedMillis);
    }

    private void add(String session, boolean resumes, int priority, long joinedMillis) {
        long rankMillis = joinedMillis - priority * Urgency.AGEING_MILLIS;
        Place place = new Place(session, resumes, rankMillis, nextOrdinal++);
        places.add(place);
        bySession.put(session, place);
    }

    /** Who is next; null if nobody waits. */
    Place first() {
        return places.isEmpty() ? null : places.first();
    }

    void leave(String session) {
        Place place = bySession.remove(session);
        if (place != null) {
            places.remove(place);
        }
    }

    int size() {
        return places.size();
    }

    boolean isEmpty() {
        return places.isEmpty();
    }
}
