// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.TokenDelta;

/** All that a reader of committed records has seen, by turn. Not thread safe. */
final class Outcome {
    private final Map<TurnId, List<Completion>> completions = new HashMap<>();
    private final Map<TurnId, List<DeadLetter>> deadLetters = new HashMap<>();
    private final Map<TurnId, TreeMap<Integer, TokenDelta>> tokens = new HashMap<>();
    private final Set<TurnId> contradictions = new HashSet<>();

    /** Whether the record says something that was not known: a new token, or a first answer. */
    boolean accept(SpecificRecord output) {
        if (output instanceof TokenDelta token) {
            return accept(token);
        }
        TurnId turn = turnOf(output);
        boolean isFirst = !isAnswered(turn);
        if (output instanceof Completion completion) {
            completions.computeIfAbsent(turn, key -> new ArrayList<>()).add(completion);
        } else {
            deadLetters.computeIfAbsent(turn, key -> new ArrayList<>()).add((DeadLetter) output);
        }
        return isFirst;
    }

    private boolean accept(TokenDelta token) {
        TokenDelta earlier =
                tokens.computeIfAbsent(turnOf(token), key -> new TreeMap<>())
                        .putIfAbsent(token.getIndex(), token);
        if (earlier != null && !earlier.equals(token)) {
            contradictions.add(turnOf(token));
        }
        return earlier == null;
    }

    /** The turn that a token, completion or dead letter belongs to. */
    static TurnId turnOf(SpecificRecord output) {
        if (output instanceof TokenDelta token) {
            return new TurnId(token.getSessionId(), token.getRequestId());
        }
        if (output instanceof Completion completion) {
            return new TurnId(completion.getSessionId(), completion.getRequestId());
        }
        DeadLetter letter = (DeadLetter) output;
        return new TurnId(letter.getSessionId(), letter.getRequestId());
    }

    /** Whether it ends a turn. */
    static boolean isAnswer(SpecificRecord output) {
        return !(output instanceof TokenDelta);
    }

    boolean isAnswered(TurnId turn) {
        return completions.containsKey(turn) || deadLetters.containsKey(turn);
    }

    int answeredTurns() {
        return completions.size() + deadLetters.size();
    }

    List<Completion> completions(TurnId turn) {
        return completions.getOrDefault(turn, List.of());
    }

    List<DeadLetter> deadLetters(TurnId turn) {
        return deadLetters.getOrDefault(turn, List.of());
    }

    /** Tokens by index, each once. */
    Map<Integer, TokenDelta> tokens(TurnId turn) {
        return tokens.getOrDefault(turn, new TreeMap<>());
    }

    /** Whether two tokens of one index differed. */
    boolean isContradicted(TurnId turn) {
        return contradictions.contains(turn);
    }
}
