// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {
    private static final float[] LOGITS = {1f, 3f, 2f, 3f, -40f};

    private static GenerationParams params(
            float temperature, int topK, float topP, float minP, float penalty, long seed) {
        return new GenerationParams(
                8, temperature, topK, topP, minP, penalty, seed, List.of(), false, true);
    }

    private static int draw(GenerationParams params, int index) {
        return Sampler.sample(LOGITS.clone(), params, new int[0], index).id();
    }

    private static Set<Integer> drawn(GenerationParams params) {
        Set<Integer> ids = new HashSet<>();
        for (int index = 0; index < 2000; index++) {
            ids.add(draw(params, index));
        }
        return ids;
    }

    @Test
    void greedyTakesTheLowestIdOnTies() {
        assertThat(draw(params(0f, 0, 1f, 0f, 1f, 0), 0)).isEqualTo(1);
    }

    @Test
    void logprobsAreThoseOfTheSoftmax() {
        double total = 0;
        for (float logit : LOGITS) {
            total += Math.exp(logit);
        }
        Sampler.Sample sample =
                Sampler.sample(LOGITS.clone(), params(0f, 0, 1f, 0f, 1f, 0), new int[0], 0);
        assertThat((double) sample.logprob()).isCloseTo(3 - Math.log(total), within(1e-6));
    }

    /** Against a plain sort, with ties, both zeros, and values out of reach. */
    @ParameterizedTest
    @ValueSource(floats = {0.01f, 1f, 6f, 40f})
    void candidatesAreAllWithinReachInOrder(float spread) {
        Random random = new Random(3);
        float[] scaled = new float[3000];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = Math.round(random.nextGaussian() * 64) / 64f * spread;
        }
        scaled[7] = -0f;
        scaled[8] = 0f;
        Candidates candidates = new Candidates(scaled);
        List<Integer> expected =
                IntStream.range(0, scaled.length)
                        .filter(id -> candidates.largest() - scaled[id] < 22f)
                        .boxed()
                        .sorted(
                                Comparator.<Integer>comparingDouble(id -> 0.0 - scaled[id])
                                        .thenComparing(id -> id))
                        .toList();
        assertThat(candidates.count()).isEqualTo(expected.size());
        List<Integer> ids =
                IntStream.range(0, candidates.count()).mapToObj(candidates::id).toList();
        assertThat(ids).isEqualTo(expected);
        long total = IntStream.range(0, ids.size()).mapToLong(candidates::weight).sum();
        assertThat(candidates.totalWeight()).isEqualTo(total);
    }

    @Test
    void drawsInProportionToProbability() {
        int draws = 20_000;
        int[] counts = new int[LOGITS.length];
        for (int index = 0; index < draws; index++) {
            counts[draw(params(1f, 0, 1f, 0f, 1f, 42), index)]++;
        }
        double total = Math.exp(1) + 2 * Math.exp(3) + Math.exp(2);
        assertThat(counts[0] / (double) draws).isCloseTo(Math.exp(1) / total, within(0.01));
        assertThat(counts[1] / (double) draws).isCloseTo(Math.exp(3) / total, within(0.015));
        assertThat(counts[4]).isZero();
    }

    @Test
    void topKKeepsTheBest() {
        assertThat(drawn(params(2f, 2, 1f, 0f, 1f, 1))).containsExactlyInAnyOrder(1, 3);
    }

    @Test
    void topPKeepsTheShortestPrefixThatReachesIt() {
        assertThat(drawn(params(1f, 0, 0.3f, 0f, 1f, 1))).containsExactly(1);
        assertThat(drawn(params(1f, 0, 0.6f, 0f, 1f, 1))).containsExactlyInAnyOrder(1, 3);
    }

    @Test
    void minPDropsWhatIsFarFromTheBest() {
        assertThat(drawn(params(1f, 0, 1f, 0.3f, 1f, 1))).containsExactlyInAnyOrder(1, 2, 3);
    }

    @Test
    void penaltyAppliesOncePerSeenToken() {
        float[] logits = {2f, 3f, -1f};
        GenerationParams params = params(0f, 0, 1f, 0f, 2f, 0);
        assertThat(Sampler.sample(logits, params, new int[] {1, 1, 1}, 0).id()).isZero();
        assertThat(logits).containsExactly(2f, 1.5f, -1f);
    }

    @Test
    void theLeastDivisorsStillDraw() {
        GenerationParams params = params(1e-6f, 0, 1f, 0f, 1e-6f, 1);
        float[] logits = {1e9f, -1e9f, 2e9f};
        assertThat(Sampler.sample(logits, params, new int[] {0, 2}, 0).id()).isEqualTo(2);
        assertThat(logits).doesNotContain(Float.POSITIVE_INFINITY);
    }

    @ParameterizedTest
    @ValueSource(floats = {1e-40f, 9e-7f, Float.NaN, Float.POSITIVE_INFINITY, -1f, 101f})
    void divisorsThatCouldGiveInfinityAreRefused(float value) {
        assertThatThrownBy(() -> params(value, 0, 1f, 0f, 1f, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("temperature=" + value + ", must be 0 or in [1e-6, 100]");
        assertThatThrownBy(() -> params(0f, 0, 1f, 0f, value, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("repetitionPenalty=" + value + ", must be in [1e-6, 100]");
    }

    @Test
    @Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aRankBeyondTheCandidatesIsAnError() {
        Candidates none = new Candidates(new float[] {1f, Float.POSITIVE_INFINITY});
        assertThatThrownBy(() -> none.id(0)).hasMessageContaining("candidates=0");
        Candidates two = new Candidates(new float[] {1f, -30f, 3f});
        assertThatThrownBy(() -> two.id(2)).hasMessageContaining("candidates=2");
    }

    @Test
    void sameSeedAndIndexGiveTheSameToken() {
        GenerationParams params = params(1f, 0, 0.95f, 0f, 1f, 99);
        for (int index = 0; index < 100; index++) {
            assertThat(draw(params, index)).isEqualTo(draw(params, index));
        }
    }

    @Test
    void candidatesComeInOrder() {
        Random random = new Random(5);
        float[] logits = new float[5000];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.rint(random.nextGaussian() * 40) / 8;
        }
        Candidates candidates = new Candidates(logits);
        for (int rank = 1; rank < candidates.count(); rank++) {
            int before = candidates.id(rank - 1);
            int id = candidates.id(rank);
            assertThat(logits[before] > logits[id] || logits[before] == logits[id] && before < id)
                    .isTrue();
        }
    }
}
