// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators.generate;

import org.apache.flink.metrics.Histogram;
import org.apache.flink.metrics.HistogramStatistics;
import org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram;

/** A histogram that takes nanoseconds and reports seconds. Whole values are rounded down. */
final class SecondsHistogram implements Histogram {
    private static final double NANOS = 1e9;

    private final DescriptiveStatisticsHistogram nanos;

    /**
     * @param window values that it is about: the newest
     */
    SecondsHistogram(int window) {
        nanos = new DescriptiveStatisticsHistogram(window);
    }

    @Override
    public void update(long value) {
        nanos.update(value);
    }

    @Override
    public long getCount() {
        return nanos.getCount();
    }

    @Override
    public HistogramStatistics getStatistics() {
        HistogramStatistics of = nanos.getStatistics();
        return new HistogramStatistics() {
            @Override
            public double getQuantile(double quantile) {
                return of.getQuantile(quantile) / NANOS;
            }

            @Override
            public long[] getValues() {
                long[] values = of.getValues();
                for (int i = 0; i < values.length; i++) {
                    values[i] = (long) (values[i] / NANOS);
                }
                return values;
            }

            @Override
            public int size() {
                return of.size();
            }

            @Override
            public double getMean() {
                return of.getMean() / NANOS;
            }

            @Override
            public double getStdDev() {
                return of.getStdDev() / NANOS;
            }

            @Override
            public long getMax() {
                return (long) (of.getMax() / NANOS);
            }

            @Override
            public long getMin() {
                return (long) (of.getMin() / NANOS);
            }
        };
    }
}
