package org.millrace.jobs.client;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.millrace.schemas.Completion;
import org.millrace.schemas.TokenDelta;

/**
 * Knows which tokens were seen, to drop repeats and to find two that must be equal and are not. Not
 * thread safe.
 */
public final class OutputLedger {
    private record Turn(String session, String request) {}

    private final Map<Turn, Map<Integer, TokenDelta>> tokens = new HashMap<>();
    private final Set<Turn> answered = new HashSet<>();

    /**
     * Whether the token is new.
     *
     * @throws IllegalStateException if there was one of this index with another content, and the
     *     turn is not answered yet
     */
    public boolean isNew(TokenDelta token) {
        Turn turn = new Turn(token.getSessionId(), token.getRequestId());
        Map<Integer, TokenDelta> seen = tokens.computeIfAbsent(turn, key -> new HashMap<>());
        TokenDelta earlier = seen.putIfAbsent(token.getIndex(), token);
        if (earlier == null || earlier.equals(token)) {
            return earlier == null;
        }
        // The session was ended in between: its request ids are free again.
        if (answered.remove(turn)) {
            seen.clear();
            seen.put(token.getIndex(), token);
            return true;
        }
        throw new IllegalStateException(
                "two different tokens of one index: " + earlier + " and " + token);
    }

    /** Notes that a turn was answered. */
    public void add(Completion completion) {
        answered.add(new Turn(completion.getSessionId(), completion.getRequestId()));
    }
}
