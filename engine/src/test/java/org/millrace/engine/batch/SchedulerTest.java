// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.millrace.engine.Model;
import org.millrace.engine.TinyModels;
import org.millrace.engine.batch.Scheduler.Demand;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;
import org.millrace.engine.kvcache.policy.Retention;

class SchedulerTest {
    private static final double UNLIMITED = Double.POSITIVE_INFINITY;
    private static final int BUDGET = 256;

    private final StepCost cost = new StepCost(1000);
    private final Scheduler scheduler = new Scheduler(BUDGET, cost);

    private static Demand prompt(int tokens, int priority, long acceptedMillis) {
        return new Demand(false, tokens, tokens, 0, new Urgency(priority, acceptedMillis));
    }

    private static Demand decoding(int position) {
        return new Demand(true, 1, 1, position, Urgency.NONE);
    }

    private int[] plan(double maxCost, Demand... demands) {
        return scheduler.plan(List.of(demands), maxCost);
    }

    @Test
    void whatDecodesGetsItsRowAndPromptsTheRest() {
        assertThat(plan(UNLIMITED, decoding(7), prompt(2000, 0, 0), decoding(9)))
                .containsExactly(1, 254, 1);
        assertThat(plan(UNLIMITED)).isEmpty();
    }

    @Test
    void theShortestPromptIsNextBesideAQuarterForTheOldest() {
        assertThat(
                        plan(
                                UNLIMITED,
                                prompt(2000, 0, 1),
                                prompt(900, 0, 2),
                                prompt(40, 0, 3),
                                prompt(60, 0, 4)))
                .containsExactly(64, 92, 40, 60);
    }

    @Test
    void priorityComesBeforeLength() {
        assertThat(
                        plan(
                                UNLIMITED,
                                prompt(2000, 0, 1),
                                prompt(40, 0, 2),
                                prompt(150, 2, 30_000),
                                prompt(100, 1, 20_000)))
                .containsExactly(64, 0, 150, 42);
    }

    @Test
    void equalOnesAreServedInTheOrderOfAcceptanceThenOfArrival() {
        assertThat(plan(UNLIMITED, prompt(300, 0, 5), prompt(300, 0, 4), prompt(300, 0, 4)))
                .containsExactly(0, 256, 0);
    }

    @Test
    void whoGetsWhatDoesNotDependOnTheOrderOfArrivalWhereUrgenciesDiffer() {
        Random random = new Random(1);
        List<Demand> demands =
                IntStream.range(0, 20)
                        .mapToObj(i -> prompt(1 + random.nextInt(90), random.nextInt(3), i))
                        .toList();
        int[] expected = scheduler.plan(demands, 150);
        for (int seed = 0; seed < 20; seed++) {
            List<Integer> order = new ArrayList<>(IntStream.range(0, 20).boxed().toList());
            Collections.shuffle(order, new Random(seed));
            int[] rows = scheduler.plan(order.stream().map(demands::get).toList(), 150);
            for (int i = 0; i < rows.length; i++) {
                assertThat(rows[i]).isEqualTo(expected[order.get(i)]);
            }
        }
    }

    /** Ten seconds of waiting make up for a level of priority, as in the line before the batch. */
    @Test
    void urgentShortPromptsWithoutEndDoNotStarveALongOne() {
        int remaining = 2000;
        for (int step = 0; remaining > 0; step++) {
            long now = step * 200L;
            int[] rows =
                    plan(
                            UNLIMITED,
                            prompt(remaining, 0, 0),
                            prompt(200, 1, now),
                            prompt(200, 1, now));
            assertThat(rows[0]).isEqualTo(now < 10_000 ? 0 : Math.min(64, remaining));
            assertThat(IntStream.of(rows).sum()).isEqualTo(BUDGET);
            remaining -= rows[0];
            assertThat(step).isLessThan(50 + 2000 / 64 + 1);
        }
    }

    @Test
    void aStepThatDecodesKeepsToItsCost() {
        for (int position : new int[] {0, 1000, 2000}) {
            Demand prompt = new Demand(false, 3000, 3000, position, Urgency.NONE);
            int[] rows = plan(150, decoding(500), prompt, prompt);
            double all = cost.of(500, 1) + cost.of(position, rows[1]) + cost.of(position, rows[2]);
            assertThat(all).isBetween(145.0, 150.0);
        }
    }

    @Test
    void aStepThatEndsAPromptKeepsToItsCostAndOneThatBringsNoTokenDoesNot() {
        assertThat(plan(100, prompt(2000, 0, 0))).containsExactly(256);
        int[] rows = plan(100, prompt(2000, 0, 0), prompt(40, 0, 1));
        assertThat(rows[1]).isEqualTo(40);
        assertThat(cost.of(0, rows[0]) + cost.of(0, 40)).isBetween(97.0, 100.0);
    }

    @Test
    void promptsGetAnEighthOfTheBudgetWhateverDecodingCosts() {
        Demand[] demands = new Demand[65];
        Arrays.fill(demands, decoding(4000));
        demands[64] = prompt(2000, 0, 0);
        assertThat(plan(200, demands)[64]).isEqualTo(32);
        assertThat(new Scheduler(1, cost).plan(List.of(prompt(5, 0, 0)), 0)).containsExactly(1);
    }

    @Test
    void rowsThatOneMayNotTakeGoToTheNext() {
        Urgency old = new Urgency(0, 1);
        Demand scored = new Demand(false, 1, 500, 0, old);
        assertThat(plan(UNLIMITED, scored, prompt(900, 0, 2))).containsExactly(1, 255);
    }

    @Test
    void whoFindsNoMemoryWaitsAndOthersGetItsRows() {
        try (Model model = TinyModels.open("gqa3/f16.gguf", KvType.F16, ActivationType.INT8);
                Generator generator =
                        new Generator(model, new GeneratorOptions(4 << 20, BUDGET, 2))) {
            Sequence first = sequence(generator, 200);
            Sequence second = sequence(generator, 300);
            Map<Sequence, Urgency> live = new LinkedHashMap<>();
            live.put(first, Urgency.NONE);
            live.put(second, Urgency.NONE);
            assertThat(scheduler.schedule(live, UNLIMITED, (sequence, rows) -> true))
                    .containsExactly(
                            new Scheduler.Slice(first, 200), new Scheduler.Slice(second, 56));
            assertThat(scheduler.schedule(live, UNLIMITED, (sequence, rows) -> sequence == second))
                    .containsExactly(new Scheduler.Slice(second, 256));
            assertThat(scheduler.schedule(live, UNLIMITED, (sequence, rows) -> false)).isEmpty();
            assertThat(live).hasSize(2);
        }
    }

    private static Sequence sequence(Generator generator, int tokens) {
        return new Sequence(
                generator.newCache(),
                Transcript.EMPTY,
                new int[tokens],
                GenerationParams.greedy(1),
                Retention.FULL,
                null);
    }
}
