// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.millrace.schemas.Completion;
import org.millrace.schemas.DeadLetter;
import org.millrace.schemas.RecordCodec;
import org.millrace.schemas.TokenDelta;

/**
 * The disturbed run beside the undisturbed one, turn by turn. Compared are the encoded bytes of
 * completions without timings and cache statistics, and of all tokens without repeats.
 *
 * @param lost turns without an answer
 * @param doubled turns with more than one answer
 * @param changed turns whose answer or tokens differ from the undisturbed run's, or contradict
 *     themselves
 */
record Verdict(List<TurnId> lost, List<TurnId> doubled, List<TurnId> changed) {

    static Verdict of(List<TurnId> turns, Outcome disturbed, Outcome undisturbed) {
        List<TurnId> lost = new ArrayList<>();
        List<TurnId> doubled = new ArrayList<>();
        List<TurnId> changed = new ArrayList<>();
        for (TurnId turn : turns) {
            int answers = disturbed.completions(turn).size() + disturbed.deadLetters(turn).size();
            if (answers == 0) {
                lost.add(turn);
            } else if (answers > 1) {
                doubled.add(turn);
            }
            if (answers > 0 && isChanged(turn, disturbed, undisturbed)) {
                changed.add(turn);
            }
        }
        return new Verdict(lost, doubled, changed);
    }

    private static boolean isChanged(TurnId turn, Outcome disturbed, Outcome undisturbed) {
        if (disturbed.isContradicted(turn)
                || !tokensAreEqual(disturbed.tokens(turn), undisturbed.tokens(turn))) {
            return true;
        }
        List<byte[]> expected = answers(turn, undisturbed);
        for (byte[] answer : answers(turn, disturbed)) {
            if (expected.size() != 1 || !Arrays.equals(answer, expected.get(0))) {
                return true;
            }
        }
        return false;
    }

    private static boolean tokensAreEqual(
            Map<Integer, TokenDelta> disturbed, Map<Integer, TokenDelta> undisturbed) {
        return disturbed.equals(undisturbed);
    }

    private static List<byte[]> answers(TurnId turn, Outcome outcome) {
        List<byte[]> answers = new ArrayList<>();
        for (Completion completion : outcome.completions(turn)) {
            answers.add(RecordCodec.COMPLETION.encode(comparable(completion)));
        }
        for (DeadLetter letter : outcome.deadLetters(turn)) {
            answers.add(RecordCodec.DEAD_LETTER.encode(comparable(letter)));
        }
        return answers;
    }

    /** What a replay repeats. */
    private static Completion comparable(Completion completion) {
        Completion empty = Completion.newBuilder().build();
        return Completion.newBuilder(completion)
                .setTimings(empty.getTimings())
                .setCache(empty.getCache())
                .build();
    }

    /** Without its place in a topic, which is another one. */
    private static DeadLetter comparable(DeadLetter letter) {
        return DeadLetter.newBuilder(letter)
                .setTopic("")
                .setPartition(0)
                .setOffset(0)
                .setTimestampMillis(0)
                .build();
    }

    boolean isClean() {
        return lost.isEmpty() && doubled.isEmpty() && changed.isEmpty();
    }
}
