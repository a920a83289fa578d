// SPDX-License-Identifier: Apache-2.0
package org.millrace.bench;

import java.util.Properties;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

/**
 * Finds the counter of restored sessions in the registry of a Flink in this process. Each attempt
 * of the task has one of its own.
 */
public final class RestoredSessions implements MetricReporter {
    private static volatile Counter newest;

    /** Found by Flink. */
    public static final class Factory implements MetricReporterFactory {
        @Override
        public MetricReporter createMetricReporter(Properties properties) {
            return new RestoredSessions();
        }
    }

    /** The counter of the newest attempt. */
    static Counter newest() {
        return newest;
    }

    @Override
    public void open(MetricConfig config) {}

    @Override
    public void close() {}

    @Override
    public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {
        if (name.equals("restoredSessions")) {
            newest = (Counter) metric;
        }
    }

    @Override
    public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {}
}
