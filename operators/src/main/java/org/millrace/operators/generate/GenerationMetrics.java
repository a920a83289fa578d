// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

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
 * The operator's metrics in Flink's registry, in group {@code millrace}. Times are in seconds, or
 * in microseconds where the name says so.
 */
final class GenerationMetrics {
    private static final int WINDOW = 1000;

    /** Most rungs with a counter of their own: requests can name any number of them. */
    private static final int MAX_RUNGS = 64;

    /** Most priorities with histograms of their own, likewise. */
    private static final int MAX_PRIORITIES = 16;

    private static final String OTHERS = "other";

    /** How long requests of one priority wait. */
    private record Waits(
            SecondsHistogram queue,
            SecondsHistogram prefill,
            SecondsHistogram firstToken,
            SecondsHistogram betweenTokens) {
        static Waits in(MetricGroup group) {
            return new Waits(
                    group.histogram("queueWaitSeconds", new SecondsHistogram(WINDOW)),
                    group.histogram("prefillWaitSeconds", new SecondsHistogram(WINDOW)),
                    group.histogram("timeToFirstTokenSeconds", new SecondsHistogram(WINDOW)),
                    group.histogram("timeBetweenTokensSeconds", new SecondsHistogram(WINDOW)));
        }
    }

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
    private final Map<Integer, Waits> waits = new HashMap<>();

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
    void watch(
            Supplier<Integer> liveSessions,
            Supplier<Integer> queuedRequests,
            Supplier<Long> queuedBytes) {
        gauge("liveSessions", liveSessions::get);
        gauge("queuedRequests", queuedRequests::get);
        gauge("queuedBytes", queuedBytes::get);
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
        String counted = isKnown || headsOnRung.size() < MAX_RUNGS ? rung : OTHERS;
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

    /**
     * A turn has its first token.
     *
     * @param sinceStartNanos since its first step began
     * @param sinceAcceptedNanos since it was taken in
     */
    void firstToken(int priority, long sinceStartNanos, long sinceAcceptedNanos) {
        Waits of = waits(priority);
        of.queue().update(sinceAcceptedNanos - sinceStartNanos);
        of.prefill().update(sinceStartNanos);
        of.firstToken().update(sinceAcceptedNanos);
    }

    void nextToken(int priority, long nanos) {
        waits(priority).betweenTokens().update(nanos);
    }

    private Waits waits(int priority) {
        boolean isKnown = waits.containsKey(priority);
        if (!isKnown && waits.size() >= MAX_PRIORITIES) {
            return waits.computeIfAbsent(
                    Integer.MAX_VALUE, p -> Waits.in(group.addGroup("priority", OTHERS)));
        }
        return waits.computeIfAbsent(
                priority, p -> Waits.in(group.addGroup("priority", Integer.toString(p))));
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
