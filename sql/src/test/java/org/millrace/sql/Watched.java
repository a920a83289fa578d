// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.table.functions.ScalarFunction;

/** Counts answers, and fails the task that it runs in at one of them. */
public final class Watched extends ScalarFunction {
    private static final long serialVersionUID = 1L;
    static final int NEVER = -1;

    static final AtomicInteger ANSWERS = new AtomicInteger();
    private static volatile int failAt;

    static void reset(int answerThatFails) {
        ANSWERS.set(0);
        failAt = answerThatFails;
    }

    public String eval(String text) {
        if (ANSWERS.incrementAndGet() == failAt) {
            throw new IllegalStateException("failed once, as the test wants");
        }
        return text;
    }

    /** Or the planner might call it once and keep the result. */
    @Override
    public boolean isDeterministic() {
        return false;
    }
}
