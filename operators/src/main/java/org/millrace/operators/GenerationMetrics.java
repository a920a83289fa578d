// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.MeterView;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram;
import org.millrace.engine.batch.StepResult;
import org.millrace.engine.kernels.DeviceUsage;
import org.millrace.engine.kernels.DeviceUsage.Work;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionPolicies;

/**
 * The operator's metrics in Flink's registry, in group {@code millrace}. Times are in microseconds.
 */
final class GenerationMetrics {
    private static final int WINDOW = 1000;

    /** Most rungs with a counter of their own: requests can name any number of them. */
    private static final int MAX_RUNGS = 64;

    private static final String OTHER_RUNGS = "other";

    private final MetricGroup group;
    private final Map<String, Counter> headsOnRung = new HashMap<>();
    private final Counter promptTokens;
    private final Counter generatedTokens;
    private final Counter completions;
    private final Counter repeated;
    private final Counter ignoredRepeats;
    private final Counter deadLetters;
    private final Counter restoredSessions;
    private final Counter rebuiltSessions;
    private final Counter replayedTokens;
    private final Counter restedSessions;
    private final Counter keptSlots;
    private final Counter droppedSlots;
    private final Histogram batchSize;
    private final Histogram stepMicros;
    private final Histogram compactMicros;
    private final Histogram firstTokenMicros;
    private final Histogram tokenGapMicros;

    GenerationMetrics(MetricGroup parent) {
        group = parent.addGroup("millrace");
        promptTokens = counterWithRate("promptTokens");
        generatedTokens = counterWithRate("generatedTokens");
        completions = counterWithRate("completions");
        repeated = group.counter("repeatedCompletions");
        ignoredRepeats = group.counter("ignoredRepeats");
        deadLetters = group.counter("deadLetters");
        restoredSessions = group.counter("restoredSessions");
        rebuiltSessions = group.counter("rebuiltSessions");
        replayedTokens = group.counter("replayedTokens");
        restedSessions = group.counter("restedSessions");
        keptSlots = group.counter("keptSlots");
        droppedSlots = group.counter("droppedSlots");
        batchSize = histogram("batchSize");
        stepMicros = histogram("stepMicros");
        compactMicros = histogram("compactMicros");
        firstTokenMicros = histogram("firstTokenMicros");
        tokenGapMicros = histogram("tokenGapMicros");
    }

    private Counter counterWithRate(String name) {
        Counter counter = group.counter(name);
        group.meter(name + "PerSecond", new MeterView(counter));
        return counter;
    }

    private Histogram histogram(String name) {
        return group.histogram(name, new DescriptiveStatisticsHistogram(WINDOW));
    }

    /** Registers gauges over what the loop holds. */
    void watch(Supplier<Integer> liveSessions, Supplier<Integer> queuedRequests) {
        gauge("liveSessions", liveSessions::get);
        gauge("queuedRequests", queuedRequests::get);
    }

    /** Registers gauges over the page pool. */
    void watchPool(Supplier<Long> usedBytes, long poolBytes) {
        gauge("cacheBytes", usedBytes::get);
        gauge("poolBytes", () -> poolBytes);
    }

    /** Registers gauges over a GPU's memory and time. */
    void watchDevice(Supplier<DeviceUsage> usage) {
        gauge("deviceFreeBytes", () -> usage.get().freeBytes());
        gauge("deviceTotalBytes", () -> usage.get().totalBytes());
        deviceMicros("devicePromptMicros", usage, Work.PROMPTS);
        deviceMicros("deviceDecodeMicros", usage, Work.DECODING);
        deviceMicros("deviceSampleMicros", usage, Work.SAMPLING);
        deviceMicros("deviceCompactMicros", usage, Work.COMPACTION);
    }

    private void deviceMicros(String name, Supplier<DeviceUsage> usage, Work work) {
        gauge(name, () -> TimeUnit.NANOSECONDS.toMicros(usage.get().nanos().get(work)));
    }

    private <T> void gauge(String name, Gauge<T> gauge) {
        group.gauge(name, gauge);
    }

    void stepped(int sequences, int prefilled, int generated, long nanos) {
        batchSize.update(sequences);
        stepMicros.update(TimeUnit.NANOSECONDS.toMicros(nanos));
        promptTokens.inc(prefilled);
        generatedTokens.inc(generated);
    }

    /** What a step did for compression. */
    void compressed(StepResult result) {
        replayedTokens.inc(result.replayedTokens());
        result.compacted().forEach(this::compacted);
        if (!result.compacted().isEmpty()) {
            compactMicros.update(TimeUnit.NANOSECONDS.toMicros(result.compactNanos()));
        }
    }

    void rested() {
        restedSessions.inc();
    }

    /** Counts slots of a prompt, and heads by the rung that they took. */
    private void compacted(StepResult.Compacted compacted) {
        Retention retention = compacted.retention();
        List<String> rungs = RetentionPolicies.lookup(retention).rungs();
        for (HeadChoice head : compacted.heads()) {
            int kept = head.kept().cardinality();
            keptSlots.inc(kept);
            droppedSlots.inc(compacted.columns() - kept);
            headsOnRung(retention.policy(), rungs.get(head.rung())).inc();
        }
    }

    private Counter headsOnRung(String policy, String rung) {
        boolean isKnown = headsOnRung.containsKey(name(policy, rung));
        String counted = isKnown || headsOnRung.size() < MAX_RUNGS ? rung : OTHER_RUNGS;
        return headsOnRung.computeIfAbsent(
                name(policy, counted),
                name ->
                        group.addGroup("policy", policy)
                                .addGroup("rung", counted)
                                .counter("heads"));
    }

    private static String name(String policy, String rung) {
        return policy + " " + rung;
    }

    void firstToken(long millis) {
        firstTokenMicros.update(TimeUnit.MILLISECONDS.toMicros(millis));
    }

    void tokenGap(long nanos) {
        tokenGapMicros.update(TimeUnit.NANOSECONDS.toMicros(nanos));
    }

    void completed() {
        completions.inc();
    }

    void repeated() {
        repeated.inc();
    }

    void ignoredRepeat() {
        ignoredRepeats.inc();
    }

    void deadLettered() {
        deadLetters.inc();
    }

    void restored() {
        restoredSessions.inc();
    }

    void rebuilt() {
        rebuiltSessions.inc();
    }
}
