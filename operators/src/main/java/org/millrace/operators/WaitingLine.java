package org.millrace.operators;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;

/**
 * Sessions whose next request waits for room: turns that already ran before a restore first, then
 * by priority, then in order of joining. A session joins again behind the others after each turn,
 * so that none with many requests holds up the rest. Kept in memory; a restore makes it anew.
 */
final class WaitingLine {
    /** A session in the line. */
    record Place(String sessionId, boolean resumes, int priority, long ordinal) {}

    private static final Comparator<Place> ORDER =
            Comparator.comparing(Place::resumes)
                    .thenComparing(Place::priority)
                    .reversed()
                    .thenComparing(Place::ordinal);

    private final TreeSet<Place> places = new TreeSet<>(ORDER);
    private final Map<String, Place> bySession = new HashMap<>();
    private long nextOrdinal;

    void join(String sessionId, int priority) {
        add(new Place(sessionId, false, priority, nextOrdinal++));
    }

    /** Joins with a turn that a snapshot was taken of. */
    void joinResuming(String sessionId, int priority) {
        add(new Place(sessionId, true, priority, nextOrdinal++));
    }

    private void add(Place place) {
        places.add(place);
        bySession.put(place.sessionId(), place);
    }

    /** Who is next; null if nobody waits. */
    Place first() {
        return places.isEmpty() ? null : places.first();
    }

    void leave(String sessionId) {
        Place place = bySession.remove(sessionId);
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
