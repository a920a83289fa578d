// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.millrace.schemas.RequestKind;

/**
 * Lets a tenant's requests through while its budget of the period lasts; the others become dead
 * letters. A request takes what it may generate at most, {@code maxTokens}, when it is read: what
 * it takes then depends on the topic alone, and is in the checkpoint with the offset that it was
 * read at, so that a replay takes it once and decides the same.
 *
 * <p>Keyed by tenant. Periods follow from event time; a record of an earlier period counts in the
 * newest one.
 */
public final class TenantBudgets extends KeyedProcessFunction<String, Prompt, Prompt> {
    /** Name and uid of the operator. */
    public static final String NAME = "budgets";

    private static final long serialVersionUID = 1L;

    private final Map<String, Long> budgets;
    private final long periodMillis;
    private transient ValueState<Long> period;
    private transient ValueState<Long> taken;
    private transient Counter deadLetters;

    TenantBudgets(Map<String, Long> budgets, long periodMillis) {
        this.budgets = Map.copyOf(budgets);
        this.periodMillis = periodMillis;
    }

    /**
     * The prompts that may be answered; the others are in {@link OutputTags#DEAD_LETTERS}.
     *
     * @param budgets tokens per tenant and period
     */
    public static SingleOutputStreamOperator<Prompt> limit(
            DataStream<Prompt> prompts, Map<String, Long> budgets, long periodMillis) {
        TenantBudgets function = new TenantBudgets(budgets, periodMillis);
        // The records of a session take one way, so that they keep their order.
        return prompts.keyBy(function::key, Types.STRING)
                .process(function, Prompt.TYPE)
                .name(NAME)
                .uid(NAME);
    }

    /** Tenants without a budget are not counted, so their sessions need not meet. */
    String key(Prompt prompt) {
        String tenant = prompt.request().getTenant();
        return budgets.containsKey(tenant) ? "tenant " + tenant : "session " + prompt.session();
    }

    @Override
    public void open(OpenContext context) {
        period =
                getRuntimeContext()
                        .getState(new ValueStateDescriptor<>("period", LongSerializer.INSTANCE));
        taken =
                getRuntimeContext()
                        .getState(new ValueStateDescriptor<>("taken", LongSerializer.INSTANCE));
        deadLetters = DeadLetterMetrics.counter(getRuntimeContext().getMetricGroup());
    }

    @Override
    public void processElement(Prompt prompt, Context context, Collector<Prompt> out)
            throws Exception {
        Long budget = budgets.get(prompt.request().getTenant());
        if (budget == null || prompt.request().getKind() != RequestKind.GENERATE) {
            out.collect(prompt);
            return;
        }
        beginPeriod(timestampMillis(context) / periodMillis);
        int maxTokens = prompt.request().getLimits().getMaxTokens();
        long before = taken.value();
        if (before + maxTokens <= budget) {
            taken.update(before + maxTokens);
            out.collect(prompt);
        } else {
            deadLetters.inc();
            context.output(
                    OutputTags.DEAD_LETTERS,
                    new RejectedPrompt(
                            prompt,
                            DeadLetterReason.BUDGET_EXCEEDED,
                            String.format(
                                    "tenant=%s, taken=%d + maxTokens=%d, must be at most budget=%d; the next"
                                            + " budget begins at timestamp=%d",
                                    prompt.request().getTenant(),
                                    before,
                                    maxTokens,
                                    budget,
                                    (period.value() + 1) * periodMillis),
                            ""));
        }
    }

    private static long timestampMillis(Context context) {
        if (context.timestamp() == null) {
            throw new PermanentFailureException(
                    "budgets go by event time, and a prompt has no timestamp; assign timestamps");
        }
        return context.timestamp();
    }

    private void beginPeriod(long number) throws Exception {
        if (period.value() == null || number > period.value()) {
            period.update(number);
            taken.update(0L);
        }
    }
}
