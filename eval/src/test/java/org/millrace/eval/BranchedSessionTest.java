// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.millrace.engine.Model;
import org.millrace.engine.batch.Scorer;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;

class BranchedSessionTest {
    private static final List<Retention> POLICIES =
            List.of(
                    Retention.parse("full"),
                    Retention.parse("kvzip keep=0.3"),
                    Retention.parse("h2o local-ratio=0.1 frequent-ratio=0.1"),
                    Retention.parse(
                            "fastgen keep=0.3 min-prompt=0 peak-distance=2 recent=8 review-interval=4"));

    private final Random random = new Random(7);

    private int[] tokens(int count) {
        return random.ints(count, 3, 256).toArray();
    }

    /** Answers score to the bit as in a session that was computed at one go, for each policy. */
    @Test
    void branchesScoreAsWholeSessions() {
        Dialogue first = Dialogue.EMPTY.prompt(tokens(70)).reply(tokens(12));
        Dialogue second = first.prompt(tokens(20)).reply(tokens(9));
        List<int[]> answers = List.of(tokens(1), tokens(3), tokens(2));
        Question early = new Question(1, first.prompt(tokens(15)).reply(tokens(4)), answers, 0);
        Question late = new Question(2, second.prompt(tokens(15)), answers, 0);
        try (Model model = TinyModel.open(KvType.INT8)) {
            BranchedSession session = new BranchedSession(model, POLICIES);
            session.goOn(first);
            List<double[]> ofEarly = session.ask(early);
            session.goOn(second);
            List<double[]> ofLate = session.ask(late);
            for (int i = 0; i < POLICIES.size(); i++) {
                assertThat(ofEarly.get(i))
                        .as("%s", POLICIES.get(i))
                        .containsExactly(whole(model, early, POLICIES.get(i)));
                assertThat(ofLate.get(i))
                        .as("%s", POLICIES.get(i))
                        .containsExactly(whole(model, late, POLICIES.get(i)));
            }
            assertThat(ofLate.stream().map(Arrays::toString).distinct()).hasSize(POLICIES.size());
        }
    }

    private static double[] whole(Model model, Question question, Retention policy) {
        List<Double> likelihoods = new ArrayList<>();
        for (int[] answer : question.answers()) {
            Dialogue answered = question.asked().reply(answer);
            int from = question.asked().length() - 1;
            double[] sum = {0};
            new Scorer(model)
                    .score(
                            List.of(new Scorer.Text(answered.under(policy), from)),
                            (text, position, logits) -> {
                                if (position + 1 < answered.length()) {
                                    int token = answered.tokens()[position + 1];
                                    sum[0] += new Prediction(logits).logProbability(token);
                                }
                            });
            likelihoods.add(sum[0]);
        }
        return likelihoods.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
