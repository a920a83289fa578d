// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import java.util.ArrayList;
import java.util.List;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * What a session has said so far: everything that its cache follows from.
 *
 * @param tokens of all turns, prompts and generated ones; never changed
 * @param turns oldest first
 */
public record Transcript(int[] tokens, List<SessionTurn> turns) {
    /** Of a session that begins. */
    public static final Transcript EMPTY = new Transcript(new int[0], List.of());

    public Transcript {
        turns = List.copyOf(turns);
    }

    /**
     * The session after a rest, in which its whole cache is compressed. Nothing happens to a
     * session without tokens, or to one that rested last.
     *
     * @param retention of a policy that replays, or measures nothing
     */
    public Transcript withRest(Retention retention) {
        if (tokens.length == 0 || turns.get(turns.size() - 1).isRest()) {
            return this;
        }
        boolean generated = turns.get(turns.size() - 1).promptEnd() < tokens.length;
        List<SessionTurn> rested = new ArrayList<>(turns);
        rested.add(
                new SessionTurn(tokens.length, tokens.length - (generated ? 1 : 0), 0, retention));
        return new Transcript(tokens, rested);
    }

    /** Tokens of all turns. */
    public int length() {
        return tokens.length;
    }
}
