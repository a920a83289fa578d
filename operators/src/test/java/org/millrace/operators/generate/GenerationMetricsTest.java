// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.junit.jupiter.api.Test;
import org.millrace.engine.batch.StepResult;
import org.millrace.engine.kernels.DeviceUsage;
import org.millrace.engine.kernels.DeviceUsage.Work;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.ScoreMode;

class GenerationMetricsTest {
    private final Map<String, Metric> registered = new TreeMap<>();

    /** Flink's registry reduced to names. */
    private final class Group extends UnregisteredMetricsGroup {
        private final String prefix;

        Group(String prefix) {
            this.prefix = prefix;
        }

        @Override
        public Group addGroup(String name) {
            return this;
        }

        @Override
        public Group addGroup(String key, String value) {
            return new Group(prefix + key + "." + value + ".");
        }

        @Override
        public Counter counter(String name) {
            Counter counter = super.counter(name);
            registered.put(prefix + name, counter);
            return counter;
        }

        @Override
        public <T, G extends Gauge<T>> G gauge(String name, G gauge) {
            registered.put(name, gauge);
            return gauge;
        }

        @Override
        public <H extends Histogram> H histogram(String name, H histogram) {
            registered.put(prefix + name, histogram);
            return histogram;
        }
    }

    private Object value(String name) {
        Metric metric = registered.get(name);
        return metric instanceof Counter counter
                ? counter.getCount()
                : ((Gauge<?>) metric).getValue();
    }

    @Test
    void countsWhatHappens() {
        GenerationMetrics metrics = new GenerationMetrics(new Group(""));
        metrics.watch(() -> 3, () -> 4, () -> 9L);
        metrics.watchPool(() -> 5L, 6);
        Map<Work, Long> nanos =
                Map.of(
                        Work.PROMPTS, 9_000L,
                        Work.DECODING, 10_000L,
                        Work.SAMPLING, 11_000L,
                        Work.COMPACTION, 12_999L,
                        Work.OTHER, 1_000L);
        metrics.watchDevice(() -> new DeviceUsage(7, 8, nanos));
        metrics.stepped(2, 30, 1, 1_500_000);
        metrics.stepped(3, 0, 3, 2_500_000);
        metrics.firstToken(2, 3_000_000_000L, 7_000_000_000L);
        metrics.nextToken(2, 8_000_000);
        metrics.completed();
        metrics.repeated();
        metrics.ignoredRepeat();
        metrics.deadLettered();
        metrics.restored();
        metrics.rebuilt();
        assertThat(value("promptTokens")).isEqualTo(30L);
        assertThat(value("generatedTokens")).isEqualTo(4L);
        assertThat(value("liveSessions")).isEqualTo(3);
        assertThat(value("queuedRequests")).isEqualTo(4);
        assertThat(value("cacheBytes")).isEqualTo(5L);
        assertThat(value("poolBytes")).isEqualTo(6L);
        assertThat(value("deviceFreeBytes")).isEqualTo(7L);
        assertThat(value("deviceTotalBytes")).isEqualTo(8L);
        assertThat(value("devicePromptMicros")).isEqualTo(9L);
        assertThat(value("deviceDecodeMicros")).isEqualTo(10L);
        assertThat(value("deviceSampleMicros")).isEqualTo(11L);
        assertThat(value("deviceCompactMicros")).isEqualTo(12L);
        assertThat(
                        new String[] {
                            "completions",
                            "repeatedCompletions",
                            "ignoredRepeats",
                            "deadLetters",
                            "restoredSessions",
                            "rebuiltSessions"
                        })
                .allSatisfy(name -> assertThat(value(name)).isEqualTo(1L));
        assertThat(max("batchSize")).isEqualTo(3);
        assertThat(max("stepMicros")).isEqualTo(2500);
        assertThat(value("queuedBytes")).isEqualTo(9L);
        assertThat(median("priority.2.queueWaitSeconds")).isEqualTo(4);
        assertThat(median("priority.2.prefillWaitSeconds")).isEqualTo(3);
        assertThat(median("priority.2.timeToFirstTokenSeconds")).isEqualTo(7);
        assertThat(median("priority.2.timeBetweenTokensSeconds")).isEqualTo(0.008);
    }

    @Test
    void manyRungsAreCountedTogether() {
        GenerationMetrics metrics = new GenerationMetrics(new Group(""));
        for (int keep = 1; keep <= 1000; keep++) {
            compact(metrics, "fastgen keep=" + keep / 2000.0);
        }
        compact(metrics, "fastgen keep=" + 1 / 2000.0);
        compact(metrics, "snapkv");
        assertThat(registered.keySet())
                .filteredOn(name -> name.startsWith("policy."))
                .hasSize(64 + 2);
        assertThat(value("policy.fastgen.rung.5.0E-4.heads")).isEqualTo(2L);
        assertThat(value("policy.fastgen.rung.other.heads")).isEqualTo(1000L - 64);
        assertThat(value("policy.snapkv.rung.other.heads")).isEqualTo(1L);
    }

    /** One head that takes the first rung. */
    private static void compact(GenerationMetrics metrics, String retention) {
        StepResult step = new StepResult();
        HeadChoice head =
                new HeadChoice(0, List.of(), List.of(), new BitSet(), ScoreMode.NONE, null);
        step.compacted()
                .add(new StepResult.Compacted(null, Retention.parse(retention), 1, List.of(head)));
        metrics.compressed(step);
    }

    private double median(String histogram) {
        return ((Histogram) registered.get(histogram)).getStatistics().getQuantile(0.5);
    }

    private long max(String histogram) {
        return ((Histogram) registered.get(histogram)).getStatistics().getMax();
    }
}
