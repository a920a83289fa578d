// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.millrace.engine.batch.SessionTurn;
import org.millrace.engine.batch.Transcript;
import org.millrace.engine.kvcache.policy.Retention;

/**
 * What was said in a session so far, whatever its cache keeps. Immutable.
 *
 * @param tokens of all turns
 * @param turns oldest first
 */
record Dialogue(int[] tokens, List<Turn> turns) {
    static final Dialogue EMPTY = new Dialogue(new int[0], List.of());

    /** Positions at which a turn begins and its prompt ends. */
    record Turn(int start, int promptEnd) {}

    int length() {
        return tokens.length;
    }

    /** With the prompt of another turn. */
    Dialogue prompt(int[] prompt) {
        List<Turn> more = new ArrayList<>(turns);
        more.add(new Turn(length(), length() + prompt.length));
        return new Dialogue(with(prompt), List.copyOf(more));
    }

    /** With tokens that were generated in the last turn. */
    Dialogue reply(int[] reply) {
        return new Dialogue(with(reply), turns);
    }

    private int[] with(int[] more) {
        int[] both = Arrays.copyOf(tokens, length() + more.length);
        System.arraycopy(more, 0, both, length(), more.length);
        return both;
    }

    /**
     * As a generator leaves it: the last token that was generated is computed with the next prompt.
     */
    Dialogue computed() {
        boolean isGenerated = turns.get(turns.size() - 1).promptEnd() < length();
        return isGenerated ? new Dialogue(Arrays.copyOf(tokens, length() - 1), turns) : this;
    }

    /** With each turn compressed by a policy. */
    Transcript under(Retention retention) {
        return new Transcript(
                tokens,
                turns.stream()
                        .map(turn -> SessionTurn.of(turn.start(), turn.promptEnd(), retention))
                        .toList());
    }
}
