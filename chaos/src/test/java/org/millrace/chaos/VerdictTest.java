// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.schemas.Completion;
import org.millrace.schemas.Timings;
import org.millrace.schemas.TokenDelta;

class VerdictTest {
    private static final TurnId TURN = new TurnId("s", "r");

    private final Outcome disturbed = new Outcome();
    private final Outcome undisturbed = new Outcome();

    @Test
    void repeatedTokensAndOtherTimingsAreNoChange() {
        give(undisturbed, token(0, 5), token(1, 6));
        undisturbed.accept(completion("ab", 10));
        give(disturbed, token(0, 5), token(0, 5), token(1, 6));
        disturbed.accept(completion("ab", 99));
        assertThat(verdict().isClean()).isTrue();
    }

    @Test
    void noAnswerIsLost() {
        undisturbed.accept(completion("ab", 10));
        assertThat(verdict()).isEqualTo(new Verdict(List.of(TURN), List.of(), List.of()));
    }

    @Test
    void twoEqualAnswersAreDoubled() {
        undisturbed.accept(completion("ab", 10));
        disturbed.accept(completion("ab", 10));
        disturbed.accept(completion("ab", 10));
        assertThat(verdict()).isEqualTo(new Verdict(List.of(), List.of(TURN), List.of()));
    }

    @Test
    void anotherTextIsChanged() {
        undisturbed.accept(completion("ab", 10));
        disturbed.accept(completion("aB", 10));
        assertThat(verdict()).isEqualTo(new Verdict(List.of(), List.of(), List.of(TURN)));
    }

    @Test
    void aMissingTokenIsChanged() {
        give(undisturbed, token(0, 5), token(1, 6));
        undisturbed.accept(completion("ab", 10));
        give(disturbed, token(1, 6));
        disturbed.accept(completion("ab", 10));
        assertThat(verdict().changed()).containsExactly(TURN);
    }

    @Test
    void twoTokensOfOneIndexThatDifferAreChanged() {
        give(undisturbed, token(0, 5));
        undisturbed.accept(completion("a", 10));
        give(disturbed, token(0, 5), token(0, 7));
        disturbed.accept(completion("a", 10));
        assertThat(verdict().changed()).containsExactly(TURN);
    }

    private Verdict verdict() {
        return Verdict.of(List.of(TURN), disturbed, undisturbed);
    }

    private static void give(Outcome outcome, TokenDelta... tokens) {
        for (TokenDelta token : tokens) {
            outcome.accept(token);
        }
    }

    private static TokenDelta token(int index, int id) {
        return TokenDelta.newBuilder()
                .setSessionId("s")
                .setRequestId("r")
                .setIndex(index)
                .setTokenId(id)
                .build();
    }

    private static Completion completion(String text, long totalMillis) {
        return Completion.newBuilder()
                .setSessionId("s")
                .setRequestId("r")
                .setText(text)
                .setTimings(Timings.newBuilder().setTotalMillis(totalMillis).build())
                .build();
    }
}
