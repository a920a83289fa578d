// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.millrace.engine.Model;
import org.millrace.engine.TinyModels;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;

class ScorerTest {
    private static final int PROMPT = 150;

    private static final List<String> POLICIES =
            List.of(
                    "full",
                    "streaming local-ratio=0.25",
                    "kvzip keep=0.5",
                    "kvzip keep=0.25",
                    "fastgen recovery=0.6",
                    "fastgen recovery=0.9 recent=16 review-interval=8",
                    "h2o",
                    "h2o local-ratio=0.1");

    private static Scorer.Text text(String retention) {
        int[] tokens = new Random(5).ints(PROMPT + 60, 3, 256).toArray();
        SessionTurn turn = SessionTurn.of(0, PROMPT, Retention.parse(retention));
        return new Scorer.Text(new Transcript(tokens, List.of(turn)), PROMPT - 1);
    }

    /** Logits of each text, as text. */
    private static List<List<String>> score(Model model, List<Scorer.Text> texts) {
        List<List<String>> scored = new ArrayList<>();
        texts.forEach(text -> scored.add(new ArrayList<>()));
        new Scorer(model)
                .score(
                        texts,
                        (text, position, logits) ->
                                scored.get(text).add(position + Arrays.toString(logits)));
        return scored;
    }

    @Test
    void textsThatBeginAlikeScoreAsAlone() {
        try (Model model = TinyModels.open("gqa3/q8_0.gguf", KvType.F32, ActivationType.F32)) {
            List<Scorer.Text> texts = POLICIES.stream().map(ScorerTest::text).toList();
            List<List<String>> together = score(model, texts);
            for (int i = 0; i < texts.size(); i++) {
                assertThat(together.get(i))
                        .as(POLICIES.get(i))
                        .hasSize(61)
                        .isEqualTo(score(model, List.of(texts.get(i))).get(0));
            }
            assertThat(together.stream().distinct().count()).isEqualTo(POLICIES.size());
        }
    }
}
