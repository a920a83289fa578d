// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;

/** The metric of operators that send dead letters. */
public final class DeadLetterMetrics {
    private DeadLetterMetrics() {}

    /** Counts an operator's dead letters. */
    public static Counter counter(MetricGroup operator) {
        return operator.addGroup("millrace").counter("deadLetters");
    }
}
