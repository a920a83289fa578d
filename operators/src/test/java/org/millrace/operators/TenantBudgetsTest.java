// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.millrace.schemas.PromptRequest;

@SuppressWarnings("try") // The harness's close() may throw anything.
class TenantBudgetsTest {
    private static final long PERIOD_MILLIS = 1000;

    private final TenantBudgets budgets =
            new TenantBudgets(Map.of("alice", 100L, "bob", 10L), PERIOD_MILLIS);
    private final List<String> refused = new ArrayList<>();
    private final List<String> passed = new ArrayList<>();

    private KeyedOneInputStreamOperatorTestHarness<String, Prompt, Prompt> harness()
            throws Exception {
        KeyedOneInputStreamOperatorTestHarness<String, Prompt, Prompt> harness =
                new KeyedOneInputStreamOperatorTestHarness<>(
                        new KeyedProcessOperator<>(budgets), budgets::key, Types.STRING);
        harness.setup(
                Prompt.TYPE.createSerializer(harness.getExecutionConfig().getSerializerConfig()));
        return harness;
    }

    private static StreamRecord<Prompt> turn(
            String tenant, String request, int maxTokens, long timestampMillis) {
        PromptRequest turn =
                Prompt.text("s", request, "text")
                        .maxTokens(maxTokens)
                        .tenant(tenant)
                        .build()
                        .request();
        return new StreamRecord<>(Prompt.of(turn), timestampMillis);
    }

    private void collect(KeyedOneInputStreamOperatorTestHarness<String, Prompt, Prompt> harness) {
        harness.extractOutputValues().forEach(prompt -> passed.add(prompt.requestId()));
        Collection<StreamRecord<RejectedPrompt>> letters =
                harness.getSideOutput(OutputTags.DEAD_LETTERS);
        if (letters != null) {
            letters.forEach(
                    letter -> {
                        RejectedPrompt value = letter.getValue();
                        assertThat(value.reason()).isEqualTo(DeadLetterReason.BUDGET_EXCEEDED);
                        assertThat(value.detail()).contains("tenant=", "budget=");
                        refused.add(value.prompt().requestId());
                    });
        }
    }

    @Test
    void requestsPassWhileTheBudgetLasts() throws Exception {
        try (var harness = harness()) {
            harness.open();
            harness.processElement(turn("alice", "a1", 60, 100));
            harness.processElement(turn("alice", "a2", 60, 200));
            harness.processElement(turn("alice", "a3", 40, 300));
            harness.processElement(turn("alice", "a4", 1, 400));
            harness.processElement(turn("bob", "b1", 10, 400));
            harness.processElement(turn("nobody", "n1", 1_000_000, 400));
            harness.processElement(turn("", "n2", 1_000_000, 400));
            harness.processElement(
                    new StreamRecord<>(
                            Prompt.of(
                                    PromptRequest.newBuilder(Prompt.cancel("s", "a1").request())
                                            .setTenant("alice")
                                            .build()),
                            500));
            collect(harness);
        }
        assertThat(passed).containsExactly("a1", "a3", "b1", "n1", "n2", "a1");
        assertThat(refused).containsExactly("a2", "a4");
    }

    @Test
    void eachPeriodHasABudgetOfItsOwn() throws Exception {
        try (var harness = harness()) {
            harness.open();
            harness.processElement(turn("bob", "b1", 10, 999));
            harness.processElement(turn("bob", "b2", 10, 1000));
            harness.processElement(turn("bob", "late", 1, 998));
            collect(harness);
        }
        assertThat(passed).containsExactly("b1", "b2");
        assertThat(refused).containsExactly("late");
    }

    /** What was read behind the checkpoint is read again, and taken once. */
    @Test
    void tokensAreTakenOnceOverAFailure() throws Exception {
        OperatorSubtaskState state;
        try (var harness = harness()) {
            harness.open();
            harness.processElement(turn("alice", "a1", 60, 100));
            state = harness.snapshot(1, 0);
            collect(harness);
            harness.processElement(turn("alice", "a2", 30, 200));
        }
        try (var harness = harness()) {
            harness.initializeState(state);
            harness.open();
            harness.processElement(turn("alice", "a2", 30, 200));
            harness.processElement(turn("alice", "a3", 10, 200));
            harness.processElement(turn("alice", "a4", 1, 200));
            collect(harness);
        }
        assertThat(passed).containsExactly("a1", "a2", "a3");
        assertThat(refused).containsExactly("a4");
    }
}
