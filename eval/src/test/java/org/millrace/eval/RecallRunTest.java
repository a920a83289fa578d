// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.engine.Model;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;

class RecallRunTest {
    private static final int CONTEXT = 440;

    private static final Retention FULL = Retention.FULL;
    private static final Retention WINDOW = Retention.parse("streaming local-ratio=0.05");

    @Test
    void factsLieAtTheirDepthsAndAreAskedFor() throws IOException {
        try (Model model = TinyModel.open(KvType.F32)) {
            Quiz quiz = new Quizzes(model).planted(TinyModel.window(model, CONTEXT), 1);
            Dialogue context = quiz.stops().get(0).dialogue();
            assertThat(context.length()).isEqualTo(CONTEXT);
            String text = text(model, context.tokens());
            for (Question question : quiz.stops().get(0).questions()) {
                String asked = text(model, question.asked().tokens());
                String right = text(model, question.answers().get(question.right()));
                String told = asked.substring(text.length()) + right + ".";
                assertThat(asked).startsWith(text);
                assertThat(text.indexOf(told) * 100.0 / text.length())
                        .isBetween(question.place() - 10.0, question.place() + 10.0);
                for (int i = 0; i < question.answers().size(); i++) {
                    String answer = text(model, question.answers().get(i));
                    assertThat(text.contains(asked.substring(text.length()) + answer + "."))
                            .isEqualTo(i == question.right());
                }
            }
            assertThat(quiz.stops().get(0).questions())
                    .extracting(Question::place)
                    .containsExactly(10, 30, 50, 70, 90);
        }
    }

    @Test
    void turnsAskForTheSameFactsLaterAndLater() throws IOException {
        try (Model model = TinyModel.open(KvType.F32)) {
            Quiz quiz = new Quizzes(model).told(TinyModel.window(model, CONTEXT), 0);
            assertThat(quiz.stops())
                    .extracting(stop -> stop.dialogue().turns().size())
                    .containsExactly(1, 2, 4, 8);
            Dialogue first = quiz.stops().get(0).dialogue();
            Dialogue last = quiz.stops().get(3).dialogue();
            assertThat(Arrays.copyOf(last.tokens(), first.length())).isEqualTo(first.tokens());
            assertThat(last.turns().get(0)).isEqualTo(first.turns().get(0));
            Question question = quiz.stops().get(3).questions().get(1);
            assertThat(question.place()).isEqualTo(8);
            assertThat(question.asked().turns()).hasSize(9);
            String right = text(model, question.answers().get(question.right()));
            assertThat(text(model, first.tokens())).contains("I was born in" + right + ".");
            assertThat(text(model, question.asked().tokens())).endsWith("You were born in");
        }
    }

    /** Random weights know nothing, but what the full cache happens to get right, it gets right. */
    @Test
    void onlyWhatTheFullCacheKnowsCounts() throws IOException {
        try (Model model = TinyModel.open(KvType.F32)) {
            List<TextWindow> windows = Collections.nCopies(4, TinyModel.window(model, CONTEXT));
            List<RecallResult> results =
                    new RecallRun(model, model, List.of(FULL, WINDOW), done -> {})
                            .inContext(windows);
            RecallResult.Score full = results.get(0).total();
            RecallResult.Score window = results.get(1).total();
            assertThat(full.asked()).isEqualTo(4 * 5);
            assertThat(full.right()).isEqualTo(full.items()).isPositive().isLessThan(20);
            assertThat(window.items()).isEqualTo(full.items());
            assertThat(window.right()).isLessThan(full.right());
        }
    }

    @Test
    void aContextWithoutRoomForFactsIsRefused() throws IOException {
        try (Model model = TinyModel.open(KvType.F32)) {
            RecallRun run = new RecallRun(model, model, List.of(FULL), done -> {});
            assertThatThrownBy(() -> run.inContext(List.of(TinyModel.window(model, 64))))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("context=64");
        }
    }

    @Test
    void theRightAnswerHasToBeTheLikeliestOfAll() {
        Question question = new Question(0, Dialogue.EMPTY, List.of(), 1);
        assertThat(question.isRight(new double[] {-2, -1, -3})).isTrue();
        assertThat(question.isRight(new double[] {-1, -1, -3})).isFalse();
        assertThat(question.isRight(new double[] {-2, -3, -3})).isFalse();
    }

    private static String text(Model model, int[] tokens) {
        StringBuilder text = new StringBuilder();
        for (int token : tokens) {
            text.append(new String(model.tokenizer().bytes(token), StandardCharsets.UTF_8));
        }
        return text.toString();
    }
}
