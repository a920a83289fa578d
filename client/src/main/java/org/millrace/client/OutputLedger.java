// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.millrace.schemas.Completion;
import org.millrace.schemas.TokenDelta;

/**
 * Knows which tokens were seen, to drop repeats and to find two that must be equal and are not. Not
 * thread safe.
 */
public final class OutputLedger {
    private record Turn(String session, String request) {}

    /** Tokens of a turn that nothing was heard of while so many others went on are forgotten. */
    private static final int MAX_TURNS = 4096;

    private static final class Seen {
        private final Map<Integer, TokenDelta> tokens = new HashMap<>();
        private boolean answered;
    }

    private final Map<Turn, Seen> turns =
            new LinkedHashMap<>(16, 0.75f, true) {
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<Turn, Seen> eldest) {
                    return size() > MAX_TURNS;
                }
            };

    /**
     * Whether the token is new.
     *
     * @throws IllegalStateException if there was one of this index with another content, and the
     *     turn is not answered yet
     */
    public boolean isNew(TokenDelta token) {
        Seen seen = seen(token.getSessionId(), token.getRequestId());
        TokenDelta earlier = seen.tokens.putIfAbsent(token.getIndex(), token);
        if (earlier == null || earlier.equals(token)) {
            return earlier == null;
        }
        // The session was ended in between: its request ids are free again.
        if (seen.answered) {
            seen.answered = false;
            seen.tokens.clear();
            seen.tokens.put(token.getIndex(), token);
            return true;
        }
        throw new IllegalStateException(
                "two different tokens of one index: " + earlier + " and " + token);
    }

    /** Notes that a turn was answered. */
    public void add(Completion completion) {
        seen(completion.getSessionId(), completion.getRequestId()).answered = true;
    }

    private Seen seen(String session, String request) {
        return turns.computeIfAbsent(new Turn(session, request), key -> new Seen());
    }
}
